import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bundleTarget } from './bundle-target.ts';
import { corpusFolder, loadTarget } from './fuzz-targets.ts';
import type { Jazzer, OnText } from './jazzer.ts';

/** Folder for the files of fuzzing runs. A run starts with the inputs that earlier runs stored there. */
export const workFolder = path.join(import.meta.dirname, '../.cache/fuzz');

export interface FuzzOutcome {
  readonly name: string;
  readonly seconds: number;
  readonly executions: number;
  /**
   * A code edge is a jump from one block of code to another. `edgesBefore` is the number of code edges that the seeds
   * and the corpus reach. `edges` is the number that is reached at the end of the run.
   */
  readonly edgesBefore: number;
  readonly edges: number;
  /**
   * Number of reached pairs of a code edge and a class of its execution count. libFuzzer calls such a pair a feature.
   */
  readonly features: number;
  readonly inputs: number;
  /** Paths of the files that contain the failing inputs. */
  readonly findings: readonly string[];
}

const hangMs = 10_000;
const mostMemoryMiB = 3072;
const mostBytes = 4096;

/** Fuzzes one target until the time limit or the first finding. */
export async function runTarget(jazzer: Jazzer, name: string, seconds: number, onText: OnText): Promise<FuzzOutcome> {
  const target = await loadTarget(name);
  const folder = path.join(workFolder, name);
  const [corpus, findings, kept] = [path.join(folder, 'corpus'), path.join(folder, 'findings'), keptFolder(name)];
  for (const each of [corpus, findings, kept]) mkdirSync(each, { recursive: true });
  target.seeds.forEach((seed, index) => {
    writeFileSync(path.join(corpus, `seed-${String(index)}`), seed);
  });
  const dictionary = path.join(folder, 'words.dict');
  writeFileSync(dictionary, target.words.map((word) => `"${escaped(word)}"\n`).join(''));
  const before = new Set(readdirSync(findings));
  let text = '';
  const code = await jazzer.run(
    bundleTarget(name, folder),
    [corpus, kept, `--timeout=${String(hangMs)}`, ...(isAsync(target.fuzz) ? [] : ['--sync'])],
    [
      `-max_total_time=${String(seconds)}`,
      `-max_len=${String(mostBytes)}`,
      `-rss_limit_mb=${String(mostMemoryMiB)}`,
      `-dict=${dictionary}`,
      `-artifact_prefix=${findings}${path.sep}`,
      '-print_final_stats=1',
    ],
    (piece) => {
      text += piece;
      onText(piece);
    },
  );
  const found = readdirSync(findings).filter((file) => !before.has(file));
  if (code !== 0 && found.length === 0) throw new Error(`${name} ended with ${String(code)}:\n${text.slice(-3000)}`);
  return { name, seconds, ...measures(text), findings: found.map((file) => path.join(findings, file)) };
}

export function keptFolder(name: string): string {
  return path.join(corpusFolder, name);
}

function isAsync(fuzz: (data: Buffer) => unknown): boolean {
  return fuzz.constructor.name === 'AsyncFunction';
}

function escaped(word: string): string {
  return [...Buffer.from(word)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
}

function measures(text: string): Pick<FuzzOutcome, 'executions' | 'edgesBefore' | 'edges' | 'features' | 'inputs'> {
  const lines = [...text.matchAll(/^#(\d+)\s+(\w+) +cov: (\d+) ft: (\d+) corp: (\d+)/gm)];
  const last = lines.at(-1) ?? [];
  const inited = lines.find((line) => line[2] === 'INITED');
  return {
    executions: Number(/^Done (\d+) runs/m.exec(text)?.[1] ?? last[1] ?? 0),
    edgesBefore: Number(inited?.[3] ?? 0),
    edges: Number(last[3] ?? 0),
    features: Number(last[4] ?? 0),
    inputs: Number(last[5] ?? 0),
  };
}
