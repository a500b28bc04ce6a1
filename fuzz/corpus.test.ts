// What fuzzing kept, once more at every check: no input that reached new code may break a promise later.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { corpusFolder, loadTarget, targetNames } from './fuzz-targets.ts';
import { keptFolder } from './run-target.ts';

const mostBytes = 200 * 1024;

describe.each(targetNames)('%s', (name) => {
  const folder = keptFolder(name);
  const files = existsSync(folder) ? readdirSync(folder) : [];

  it('keeps its promises for its seeds and its corpus', async () => {
    const { fuzz, seeds } = await loadTarget(name);
    for (const seed of seeds) await fuzz(Buffer.from(seed as string));
    for (const file of files) {
      // Which one it was is what a reader of a failure wants to know.
      await expect(Promise.resolve(fuzz(readFileSync(path.join(folder, file)))), file).resolves.toBeUndefined();
    }
  });

  it('has a corpus', () => {
    expect(files.length).toBeGreaterThan(0);
  });
});

it('the corpus stays small, and belongs to targets that exist', () => {
  const all = readdirSync(corpusFolder, { recursive: true, encoding: 'utf8' }).map((file) =>
    path.join(corpusFolder, file),
  );
  expect(all.reduce((sum, file) => sum + statSync(file).size, 0)).toBeLessThan(mostBytes);
  expect(readdirSync(corpusFolder).toSorted()).toEqual(targetNames);
});
