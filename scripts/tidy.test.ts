// Checks rules that no linter has: sizes, names, forbidden words, and the subjects of commits. The median lengths of
// files and functions are printed but not limited, so that nobody splits code only to improve a number.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { describe, expect, it } from 'vitest';
import { lastUncheckedCommit, subjectObjection, subjectsAfter } from './tidy/commit-subjects.ts';
import { largeFolders, longFiles, longFunctions } from './tidy/exceptions.ts';
import { nameObjection } from './tidy/file-names.ts';
import { findCycles } from './tidy/import-cycles.ts';
import { countLines, emptyNames, folderSizes, measureFunctions, relativeImports } from './tidy/measure-source.ts';
import { isTest, isTypeScript, repositoryFiles, root } from './tidy/repository-files.ts';
import { findForbiddenText } from './tidy/text-rules.ts';

const maxFileLines = 400;
const maxFunctionLines = 70;
const maxFolderFiles = 20;

const files = repositoryFiles();
const sources = files.filter(isTypeScript);
const product = sources.filter((file) => !isTest(file));
const fileLengths = product.map((file) => ({ key: file.path, size: countLines(file.text) }));
const functionLengths = product.flatMap(measureFunctions);
const folderFiles = folderSizes(product);

/**
 * Returns one line for each size above its limit, which is its exception or else the budget. Also returns one line for
 * each exception that is no longer needed.
 */
function sizeFindings(
  measured: readonly { readonly key: string; readonly size: number }[],
  budget: number,
  exceptions: Readonly<Record<string, number>>,
  unit = 'lines',
): readonly string[] {
  const tooLong = measured
    .filter(({ key, size }) => size > (exceptions[key] ?? budget))
    .map(({ key, size }) => `${key} has ${size} ${unit}; it may have ${exceptions[key] ?? budget}`);
  const needed = new Set(measured.filter(({ size }) => size > budget).map(({ key }) => key));
  const stale = Object.keys(exceptions).filter((key) => !needed.has(key));
  return [
    ...tooLong,
    ...stale.map((key) => `${key} fits the budget: delete its exception in scripts/tidy/exceptions.ts`),
  ];
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((left, right) => left - right)[Math.floor(numbers.length / 2)] ?? 0;
}

describe('the repository', () => {
  it(`has no file over ${maxFileLines} lines`, () => {
    expect(sizeFindings(fileLengths, maxFileLines, longFiles)).toEqual([]);
  });

  it(`has no function over ${maxFunctionLines} lines`, () => {
    expect(sizeFindings(functionLengths, maxFunctionLines, longFunctions)).toEqual([]);
  });

  it(`has no folder of more than ${maxFolderFiles} source files`, () => {
    expect(sizeFindings(folderFiles, maxFolderFiles, largeFolders, 'source files')).toEqual([]);
  });

  it('prints the median length of files and functions', () => {
    const ofFiles = median(fileLengths.map(({ size }) => size));
    const ofFunctions = median(functionLengths.map(({ size }) => size));
    process.stdout.write(`tidy: median file ${ofFiles} lines, median function ${ofFunctions} lines\n`);
    expect(product.length).toBeGreaterThan(0);
  });

  it('names files after what is inside', () => {
    expect(files.map((file) => nameObjection(file.path)).filter((objection) => objection !== undefined)).toEqual([]);
  });

  it('names types after what they are', () => {
    expect(sources.flatMap(emptyNames)).toEqual([]);
  });

  it('has no forbidden words', () => {
    const read = files.filter((file) => file.path !== 'package-lock.json');
    expect(read.flatMap(findForbiddenText)).toEqual([]);
  });

  it('has no import cycles, of values or of types', () => {
    expect(findCycles(new Map(product.map((file) => [file.path, relativeImports(file)])))).toEqual([]);
  });

  it(`has subjects \`area: imperative\` on its new commits`, () => {
    const { subjects, unchecked } = subjectsAfter(lastUncheckedCommit, root);
    if (unchecked !== undefined) process.stdout.write(`tidy: subjects of commits are not checked: ${unchecked}\n`);
    const objections = subjects.flatMap((subject) => {
      const objection = subjectObjection(subject);
      return objection === undefined ? [] : [`${subject} (${objection})`];
    });
    expect(objections).toEqual([]);
  });

  it('leaves the registry out of the lock file', () => {
    const lock = readFileSync(path.join(root, 'package-lock.json'), 'utf8');
    expect(lock.match(/"resolved": "(http|git)[^"]*"/g) ?? []).toEqual([]);
  });
});

describe('the rules of tidy', () => {
  const file = (text: string, name = 'a/b.test.ts') => ({ path: name, text });

  it('find forbidden text', () => {
    const marker = ['TO', 'DO'].join('');
    const home = ['', 'home', 'ann', 'x'].join('/');
    const focused = ['it', 'only("x")'].join('.');
    const skipped = ['describe', 'skip("x")'].join('.');
    for (const line of [`// ${marker} later`, `const at = '${home}';`, focused, skipped]) {
      expect(findForbiddenText(file(line))).toHaveLength(1);
    }
    expect(findForbiddenText(file('it.skipIf(noEngine)("x"); fetch("/api/work/1")'))).toEqual([]);
  });

  it('reject vague and misspelt names', () => {
    expect(nameObjection('packages/core/src/string-utils.ts')).toMatch(/utils/);
    expect(nameObjection('packages/core/src/helpers/x.ts')).toMatch(/helpers/);
    expect(nameObjection('packages/core/src/jobStore.ts')).toMatch(/kebab/);
    expect(nameObjection('packages/core/src/types.ts')).toMatch(/beside/);
    expect(nameObjection('packages/core/src/queue/job-types.ts')).toBeUndefined();
    expect(emptyNames(file('class ThingImpl {} interface IThing {} interface Item {}'))).toHaveLength(2);
  });

  it('find missing, outgrown and needless exceptions', () => {
    const measured = [
      { key: 'long', size: 90 },
      { key: 'short', size: 5 },
    ];
    expect(sizeFindings(measured, 70, {})).toHaveLength(1);
    expect(sizeFindings(measured, 70, { long: 90 })).toEqual([]);
    expect(sizeFindings(measured, 70, { long: 80 })).toHaveLength(1);
    expect(sizeFindings(measured, 70, { long: 90, short: 80 })).toHaveLength(1);
  });

  it('accept subjects with an area and an imperative, and reject others', () => {
    const good = ['queue: fetch due times in one round trip', 'job view: bring back a folder', 'sql: pass 2 keys'];
    expect(good.map(subjectObjection)).toEqual([undefined, undefined, undefined]);
    const long = `queue: fetch ${'x'.repeat(60)}`;
    const bad = [
      'fetch due times',
      'Queue: fetch',
      'queue: fetches it',
      'docs: the page',
      'docs: Result of x',
      'x:y',
      long,
    ];
    for (const subject of bad) expect(subjectObjection(subject), subject).toEqual(expect.any(String));
  });

  it('check the subjects after a commit, without merges, and none where the history does not reach it', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'proofhouse-tidy-'));
    const git = (...args: readonly string[]) =>
      execFileSync(
        'git',
        ['-c', 'user.name=t', '-c', 'user.email=t@localhost', '-c', 'commit.gpgsign=false', ...args],
        {
          cwd: folder,
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'ignore'],
        },
      ).trim();
    const commit = (subject: string) => git('commit', '-q', '--no-verify', '--allow-empty', '-m', subject);
    try {
      expect(subjectsAfter('HEAD', folder).unchecked).toMatch(/not a git repository/);
      git('init', '-q', '-b', 'main');
      commit('old');
      const base = git('rev-parse', 'HEAD');
      git('switch', '-q', '-c', 'side');
      commit('a: add this');
      git('switch', '-q', 'main');
      commit('b: add that');
      git('merge', '-q', '--no-ff', '-m', 'Merge', 'side');
      expect(new Set(subjectsAfter(base, folder).subjects)).toEqual(new Set(['a: add this', 'b: add that']));
      expect(subjectsAfter('0'.repeat(40), folder)).toEqual({
        subjects: [],
        unchecked: expect.stringMatching(/shallow/),
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('count the source files of each folder apart from those of its subfolders', () => {
    const measured = folderSizes(['a/b.ts', 'a/c.ts', 'a/d/e.ts', 'a/migrations/f.ts'].map((name) => file('', name)));
    expect(measured).toEqual([
      { key: 'a', size: 2 },
      { key: 'a/d', size: 1 },
    ]);
  });

  it('see imports of types', () => {
    const text = "import type { A } from './a.ts';\nexport { b } from '../b.ts';\nimport ts from 'typescript';";
    expect(relativeImports(file(text, 'x/y/z.ts'))).toEqual(['x/y/a.ts', 'x/b.ts']);
  });

  it('find cycles', () => {
    const graph = new Map([
      ['a', ['b']],
      ['b', ['c']],
      ['c', ['b']],
    ]);
    expect(findCycles(graph)).toEqual(['b -> c -> b']);
  });

  it('measure functions from their first to their last line', () => {
    const measured = measureFunctions(file('const wait = () => {\n  return 1;\n};\nfunction b() {}', 'a.ts'));
    expect(measured).toEqual([
      { key: 'a.ts#wait', size: 3 },
      { key: 'a.ts#b', size: 1 },
    ]);
  });
});
