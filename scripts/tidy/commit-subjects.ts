// Checks the subjects of commits, and selects the commits to check.
import { execFileSync } from 'node:child_process';

/** The last commit before the rule existed. This commit and its ancestors are not checked. */
export const lastUncheckedCommit = '2965350797edb0ce95e79ac804f2109ac07b8f21';

const maxSubjectLength = 72;

// Words that cannot be an imperative: articles, pronouns, question words, prepositions, numbers.
const otherFirstWords = new Set(
  (
    'a an the this that these those it its there what which who whoever when where why how each every all any both no ' +
    'not of for from to with without in on at by as if one two three some more less new result results'
  ).split(' '),
);

// Imperatives that look like a past tense, a participle or a third person.
const imperatives = new Set(
  'embed exceed feed need proceed seed shed speed bring ring spring string wing bias canvas focus alias'.split(' '),
);

/**
 * Returns the objection to a subject, or undefined. Only the first word decides whether the subject is an imperative.
 */
export function subjectObjection(subject: string): string | undefined {
  if (subject.length > maxSubjectLength) return `has ${subject.length} characters; at most ${maxSubjectLength}`;
  const firstWord = /^[a-z0-9][a-z0-9 /-]*: (\S+)/.exec(subject)?.[1];
  if (firstWord === undefined) return 'must be `area: imperative`, the area in lower case';
  const isOther = otherFirstWords.has(firstWord.toLowerCase()) || /^[A-Z]|(ed|ing|[^s]s)$/.test(firstWord);
  if (isOther && !imperatives.has(firstWord)) return `"${firstWord}" after the colon is not a verb in the imperative`;
  return undefined;
}

/**
 * Returns the subjects of the commits after `base`, without merges. The list may be empty because nothing can be
 * checked: outside of git, or in a shallow clone that does not contain `base`. `unchecked` then gives the reason.
 */
export function subjectsAfter(
  base: string,
  folder: string,
): { readonly subjects: readonly string[]; readonly unchecked?: string } {
  const git = (...args: readonly string[]) =>
    execFileSync('git', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    git('rev-parse', '--verify', 'HEAD');
  } catch {
    return { subjects: [], unchecked: 'this folder is not a git repository with commits' };
  }
  try {
    git('merge-base', '--is-ancestor', base, 'HEAD');
  } catch {
    return { subjects: [], unchecked: `the history here does not reach ${base} (a shallow clone?)` };
  }
  const log = git('log', '--no-merges', '--format=%s', `${base}..HEAD`);
  return { subjects: log.split('\n').filter((subject) => subject !== '') };
}
