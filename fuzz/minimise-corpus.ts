// Chooses which inputs of a run are worth keeping: the smallest that together pass through every block of code, about as
// often, that all of them pass through. Coverage is V8's own, so this needs no fuzzer.
import { createHash } from 'node:crypto';
import { Session } from 'node:inspector/promises';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { loadTarget } from './fuzz-targets.ts';

/** Writes what is chosen from `folders` into `kept`, and nothing else stays there. */
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

/** Once, twice, a few times, often. */
function stepOf(count: number): number {
  return Math.min(3, Math.floor(Math.log2(count)));
}
