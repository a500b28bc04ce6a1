// Selects a small set of inputs for the corpus. The set reaches every block of code that all inputs together reach. For
// each block, it has an input for each class of execution counts (see `stepOf`). V8 measures the coverage, so the
// fuzzer is not needed.
import { createHash } from 'node:crypto';
import { Session } from 'node:inspector/promises';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { loadTarget } from './fuzz-targets.ts';

/**
 * Selects inputs from the files in `folders`. Replaces the content of the folder `kept` by them. Returns the number of
 * selected inputs.
 */
export async function minimiseCorpus(name: string, folders: readonly string[], kept: string): Promise<number> {
  const inputs = folders
    .flatMap((folder) => readdirSync(folder).map((file) => readFileSync(path.join(folder, file))))
    .toSorted((left, right) => left.length - right.length || left.compare(right));
  const chosen = await chosenOf(name, inputs);
  rmSync(kept, { recursive: true, force: true });
  mkdirSync(kept, { recursive: true });
  for (const input of chosen) {
    const hash = createHash('sha256').update(input).digest('hex').slice(0, 16);
    writeFileSync(path.join(kept, hash), input);
  }
  return chosen.length;
}

async function chosenOf(name: string, inputs: readonly Buffer[]): Promise<Buffer[]> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  const { fuzz } = await loadTarget(name);
  const seen = new Set<string>();
  const chosen: Buffer[] = [];
  for (const input of inputs) {
    await session.post('Profiler.takePreciseCoverage');
    await fuzz(input);
    const { result } = await session.post('Profiler.takePreciseCoverage');
    const passed = result
      .filter(({ url }) => url.startsWith('file:') && !url.includes('/fuzz/'))
      .flatMap((script) =>
        script.functions.flatMap((each) =>
          each.ranges
            .filter(({ count }) => count > 0)
            .map(({ startOffset, endOffset, count }) => `${script.url}:${startOffset}:${endOffset}:${stepOf(count)}`),
        ),
      );
    if (passed.every((block) => seen.has(block))) continue;
    for (const block of passed) seen.add(block);
    chosen.push(input);
  }
  session.disconnect();
  return chosen;
}

/** Returns the class of an execution count: 0 for the count 1, 1 for 2 and 3, 2 for 4 to 7, and 3 for 8 and more. */
function stepOf(count: number): number {
  return Math.min(3, Math.floor(Math.log2(count)));
}
