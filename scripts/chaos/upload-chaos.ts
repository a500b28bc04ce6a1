// Kills a server during uploads. In each round, many clients upload, and the server is killed with SIGKILL at a random
// moment. Then it is restarted and its data is checked. All rounds use the same data folder. Each acknowledged upload
// must exist and be complete, and no artifact may be incomplete.
import { createHash, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkStorage, compose, loadConfig, makeLogger, type FindingKind } from '@proofhouse/server';
import { ServerProcess } from './server-process.ts';

export interface ChaosOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly clients?: number;
  /** Time in ms after which no further round begins. */
  readonly budgetMs?: number;
  readonly onRound?: (line: string) => void;
}

export interface ChaosReport {
  readonly rounds: number;
  readonly begun: number;
  readonly acknowledged: number;
  /** Number of downloads that were compared with their upload byte by byte. */
  readonly compared: number;
  /** Violations of the guarantees, one sentence each. The list must be empty. */
  readonly broken: readonly string[];
  /**
   * Number of leftovers after all rounds, by kind of finding of `checkStorage`. A leftover only wastes space, so it is
   * no error.
   */
  readonly left: Readonly<Record<FindingKind, number>>;
}

interface Listed {
  readonly id: string;
  readonly name: string;
  readonly digest: string;
  readonly sizeBytes: number;
}

const pool = randomBytes(16 * 1024 * 1024);
const largestBytes = 8 * 1024 * 1024;
const names = ['a.txt', 'b.bin', 'logs/out.txt', 'logs/err.txt', 'deep/er/and/deeper/file', 'ünï çødé.md'];
const interestingSizes = [0, 1, 4096, 256 * 1024, 256 * 1024 + 1, 1024 * 1024, largestBytes];

/** Returns a generator of numbers in [0, 1). The seed determines the numbers (mulberry32). */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The uploads of one job in one round. */
class Round {
  readonly jobId: string;
  /** A text `name digest` for each upload that was started. */
  readonly begun = new Set<string>();
  readonly acknowledged = new Map<string, Listed>();
  /** One sentence for each answer with a status other than 201. The list must be empty. */
  readonly refused: string[] = [];
  readonly #server: ServerProcess;
  readonly #random: () => number;
  #stopped = false;

  constructor(server: ServerProcess, jobId: string, random: () => number) {
    this.#server = server;
    this.jobId = jobId;
    this.#random = random;
  }

  /** Runs this number of uploading clients, and kills the server after `afterMs`. */
  async run(clients: number, afterMs: number): Promise<void> {
    const uploading = Array.from({ length: clients }, () => this.#uploadUntilStopped());
    await sleep(afterMs);
    await this.#server.kill();
    this.#stopped = true;
    await Promise.all(uploading);
  }

  async #uploadUntilStopped(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#uploadOne();
      } catch {
        // The kill interrupts the answer. A later check shows whether this upload took effect.
        await sleep(5);
      }
    }
  }

  async #uploadOne(): Promise<void> {
    const bytes = this.#someBytes();
    const name = this.#pick(names);
    this.begun.add(`${name} ${digestOf(bytes)}`);
    const base = `/api/queue/jobs/${this.jobId}/artifacts`;
    const response =
      this.#random() < 0.5
        ? await this.#server.fetch(`${base}/${encodeURI(name)}`, { method: 'PUT', body: bytes })
        : await this.#server.fetch(`${base}/upload`, { method: 'POST', body: formOf(name, bytes) });
    const answer = (await response.json()) as Listed;
    if (response.status === 201) this.acknowledged.set(answer.id, answer);
    else this.refused.push(`an upload of ${name} was refused: ${JSON.stringify(answer)}`);
  }

  #someBytes(): Uint8Array<ArrayBuffer> {
    const random = this.#random;
    const size = random() < 0.5 ? this.#pick(interestingSizes) : Math.floor(random() ** 4 * largestBytes);
    const start = Math.floor(random() * (pool.length - size));
    return pool.subarray(start, start + size);
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random() * from.length)] as T;
  }
}

function formOf(name: string, bytes: Uint8Array<ArrayBuffer>): FormData {
  const form = new FormData();
  form.set('name', name);
  form.set('file', new Blob([bytes]), 'file');
  return form;
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export async function uploadChaos(options: ChaosOptions): Promise<ChaosReport> {
  const dataDir = await mkdtemp(path.join(os.tmpdir(), 'proofhouse-chaos-'));
  const random = seededRandom(options.seed);
  const totals = { rounds: 0, begun: 0, acknowledged: 0, compared: 0 };
  const broken: string[] = [];
  const endBy = performance.now() + (options.budgetMs ?? Infinity);
  const start = () => ServerProcess.mustStart({ PROOFHOUSE_DATA_DIR: dataDir });
  let server = await start();
  try {
    while (totals.rounds < options.rounds && performance.now() < endBy) {
      const round = new Round(server, await server.newJob(), random);
      await round.run(options.clients ?? 8, 20 + random() * 500);
      broken.push(...(await lookAtStorage(dataDir)).broken);
      server = await start();
      const look = await lookThroughTheDoor(server, round);
      broken.push(
        ...[...round.refused, ...look.broken].map((sentence) => `round ${String(totals.rounds + 1)}: ${sentence}`),
      );
      totals.rounds += 1;
      totals.begun += round.begun.size;
      totals.acknowledged += round.acknowledged.size;
      totals.compared += look.compared;
      options.onRound?.(`round ${String(totals.rounds)}: ${String(round.acknowledged.size)} acknowledged`);
    }
    await server.kill();
    const { left } = await lookAtStorage(dataDir, true);
    return { ...totals, broken, left };
  } finally {
    await server.kill();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** Runs `checkStorage` on the data folder of the stopped server. */
async function lookAtStorage(dataDir: string, hashBytes = false) {
  const config = loadConfig({ env: { PROOFHOUSE_DATA_DIR: dataDir }, flags: {} });
  const server = await compose(config, { logger: makeLogger('silent') });
  const broken: string[] = [];
  try {
    const report = await checkStorage({
      store: server.store.artifacts,
      owners: server.store.blobOwners,
      blobs: server.blobs,
      viewRoot: config.jobViewRoot,
      olderThan: Infinity,
      hashBytes,
      onFinding: (finding) => {
        if (finding.kind === 'row-without-bytes' || finding.kind === 'row-with-wrong-bytes') {
          broken.push(`artifact ${String(finding.artifactId)}: ${finding.kind}`);
        }
        if (finding.kind === 'usage-drift') broken.push(`usage-drift: ${JSON.stringify(finding.drift)}`);
      },
    });
    return { broken, left: report.found };
  } finally {
    await server.close();
  }
}

/**
 * Checks over HTTP that each acknowledged upload is listed. Each listed artifact must come from this round, and its
 * download must have the recorded size and digest.
 */
async function lookThroughTheDoor(server: ServerProcess, round: Round) {
  const broken: string[] = [];
  const base = `/api/queue/jobs/${round.jobId}/artifacts`;
  const listed: Listed[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const next: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const page = (await server.json(`${base}?limit=500${next}`)) as { items: Listed[]; nextCursor: string | null };
    listed.push(...page.items);
    cursor = page.nextCursor;
  }
  const ids = new Set(listed.map(({ id }) => id));
  for (const [id, { name }] of round.acknowledged) {
    if (!ids.has(id)) broken.push(`the acknowledged upload ${id} (${name}) is not listed`);
  }
  for (const { id, name, digest, sizeBytes } of listed) {
    const response = await server.fetch(`${base}/${id}/download`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (!response.ok || bytes.length !== sizeBytes || digestOf(bytes) !== digest) {
      broken.push(`the artifact ${id} (${name}) does not download as it is listed (${String(response.status)})`);
    }
    if (!round.begun.has(`${name} ${digest}`)) broken.push(`the artifact ${id} (${name}) was never sent like this`);
  }
  return { broken, compared: listed.length };
}
