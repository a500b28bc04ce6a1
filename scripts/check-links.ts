// Checks that each relative link in the documentation refers to an existing file and heading. Needs no network.
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { repositoryFiles, root } from './tidy/repository-files.ts';
import type { RepositoryFile } from './tidy/repository-files.ts';

interface Link {
  readonly line: number;
  readonly target: string;
}

/** Returns a line `path:line: what` for each dead link in these documents. */
export function deadLinks(documents: readonly RepositoryFile[], exists: (file: string) => boolean): readonly string[] {
  const anchors = new Map(documents.map((document) => [document.path, headingAnchors(document.text)]));
  return documents.flatMap((document) =>
    linksOf(document.text).flatMap((link) => {
      const objection = objectionTo(link.target, document.path, anchors, exists);
      return objection === undefined ? [] : [`${document.path}:${link.line}: ${link.target} ${objection}`];
    }),
  );
}

function objectionTo(
  target: string,
  from: string,
  anchors: ReadonlyMap<string, ReadonlySet<string>>,
  exists: (file: string) => boolean,
): string | undefined {
  if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return undefined;
  const [file = '', anchor] = target.split('#', 2);
  if (file.startsWith('/')) return 'is absolute: link relative to the document, so that it works in a checkout';
  const decoded = decodeURIComponent(file.split('?')[0] ?? '');
  const wanted = decoded === '' ? from : path.posix.normalize(path.posix.join(path.posix.dirname(from), decoded));
  if (wanted.startsWith('../') || !exists(wanted)) return 'names a file that is not there';
  const known = anchors.get(wanted);
  if (anchor === undefined || anchor === '' || known === undefined) return undefined;
  return known.has(decodeURIComponent(anchor).toLowerCase()) ? undefined : 'names a heading that is not there';
}

/** Returns the links of a document: inline links and images, reference definitions, and links in HTML. Ignores code. */
function linksOf(markdown: string): readonly Link[] {
  const patterns = [
    /\]\(\s*<?([^\s<>)]+(?:\([^\s)]*\)[^\s<>)]*)?)>?(?:\s+["'(][^)]*)?\)/g,
    /^\s{0,3}\[[^\]]+\]:\s*<?([^\s>]+)>?/g,
    /<(?:a|img)\b[^>]*?\b(?:href|src)="([^"]+)"/g,
  ];
  return proseLines(markdown).flatMap((text, index) =>
    patterns
      .flatMap((pattern) => [...text.matchAll(pattern)])
      .map((match) => ({ line: index + 1, target: match[1] ?? '' })),
  );
}

/**
 * Returns the lines of a document without their code. The number of lines stays the same, so line numbers stay correct.
 */
function proseLines(markdown: string): readonly string[] {
  let fence: string | undefined;
  return markdown.split('\n').map((line) => {
    const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence === undefined && mark !== undefined) {
      fence = mark;
      return '';
    }
    if (fence === undefined) return line.replace(/(`+)(?:(?!\1).)+\1/g, '');
    if (mark?.startsWith(fence) === true && line.trim() === mark) fence = undefined;
    return '';
  });
}

/** Returns the anchors that GitHub gives to the headings: lower case, without punctuation, and numbered if repeated. */
export function headingAnchors(markdown: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  const raw = markdown.split('\n');
  proseLines(markdown).forEach((line, index) => {
    for (const named of line.matchAll(/<a\b[^>]*?\b(?:id|name)="([^"]+)"/g))
      anchors.add((named[1] ?? '').toLowerCase());
    if (!/^#{1,6}\s/.test(line)) return;
    const slug = slugOf((raw[index] ?? '').replace(/^#{1,6}\s+/, '').replace(/\s+#*\s*$/, ''));
    let unique = slug;
    for (let repeat = 1; anchors.has(unique); repeat += 1) unique = `${slug}-${repeat}`;
    anchors.add(unique);
  });
  return anchors;
}

function slugOf(heading: string): string {
  return heading
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}\s_-]/gu, '')
    .replace(/\s/g, '-');
}

function main(): void {
  const documents = repositoryFiles().filter((file) => file.path.endsWith('.md'));
  const isThere = (file: string): boolean =>
    existsSync(path.join(root, file)) && statSync(path.join(root, file)).size >= 0;
  const dead = deadLinks(documents, isThere);
  for (const line of dead) process.stderr.write(`${line}\n`);
  process.stdout.write(`links: ${documents.length} documents, ${dead.length} dead links\n`);
  if (dead.length > 0) process.exitCode = 1;
}

if (import.meta.main) main();
