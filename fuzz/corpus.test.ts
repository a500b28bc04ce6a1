// Runs each target with every input of its corpus. Each of these inputs once reached new code, and must not fail later.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { corpusFolder, loadTarget, targetNames } from './fuzz-targets.ts';
import { keptFolder } from './run-target.ts';

const mostBytes = 200 * 1024;

describe.each(targetNames)('%s', (name) => {
  const folder = keptFolder(name);
  const files = existsSync(folder) ? readdirSync(folder) : [];

  it('holds for its seeds and its corpus', async () => {
    const { fuzz, seeds } = await loadTarget(name);
    for (const seed of seeds) await fuzz(Buffer.from(seed as string));
    for (const file of files) {
      // `file` is passed so that the failure message names it.
      await expect(Promise.resolve(fuzz(readFileSync(path.join(folder, file)))), file).resolves.toBeUndefined();
    }
  });

  it('has a corpus', () => {
    expect(files.length).toBeGreaterThan(0);
  });
});

it('the corpus is small, and every folder belongs to a target', () => {
  const all = readdirSync(corpusFolder, { recursive: true, encoding: 'utf8' }).map((file) =>
    path.join(corpusFolder, file),
  );
  expect(all.reduce((sum, file) => sum + statSync(file).size, 0)).toBeLessThan(mostBytes);
  expect(readdirSync(corpusFolder).toSorted()).toEqual(targetNames);
});
