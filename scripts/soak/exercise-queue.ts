// Makes each kind of queue call many times and measures the duration of the calls.
import { performance } from 'node:perf_hooks';
import type { Server } from '@proofhouse/server';
import { ineligibleJobId } from './load-backlog.ts';

/** Median duration in milliseconds, by the name of the call. */
export type Timings = Readonly<Record<string, number>>;

const admin = { kind: 'admin' } as const;
const worker = { kind: 'worker', workerId: 'soak', policy: {} } as const;
const newJob = { type: 'exec', priority: 0, payload: {}, maxAttempts: 3 };
const claimCall = { leaseSeconds: 600, waitSeconds: 0 };
const claimOptions = { signal: new AbortController().signal, reauthenticate: () => Promise.resolve() };
const repeats = 200;

const lists = {
  'list all': {},
  'list queued': { status: 'queued' },
  'list a type': { type: 'exec' },
  'list succeeded of a type': { type: 'exec', status: 'succeeded' },
  'list a category': { category: 'work' },
  'list queued of a category': { category: 'work', status: 'queued' },
} as const;

/**
 * Makes each kind of call several times, and returns the median duration in ms of each kind. `isLoaded` is true if the
 * database contains a backlog of `rows` jobs.
 */
export async function exerciseQueue(jobs: Server['jobs'], rows: number, isLoaded: boolean): Promise<Timings> {
  const timings: Record<string, number> = {};
  const time = async (name: string, work: (turn: number) => Promise<unknown>): Promise<void> => {
    const ms: number[] = [];
    for (let turn = 0; turn < repeats; turn++) {
      const start = performance.now();
      await work(turn);
      ms.push(performance.now() - start);
    }
    timings[name] = ms.sort((a, b) => a - b)[repeats / 2] ?? 0;
  };
  await time('enqueue', () => jobs.create(admin, newJob));
  const held: { readonly id: string; readonly leaseId: string | null }[] = [];
  await time('claim', async () => {
    held.push(...(await jobs.claim(worker, claimCall, claimOptions)));
  });
  await time('complete', (turn) => {
    const { id = '', leaseId } = held[turn] ?? {};
    return jobs.complete({ workerId: 'soak', leaseId: leaseId ?? undefined }, id);
  });
  await time('claim that finds nothing', () => jobs.claim(worker, claimCall, claimOptions));
  for (const [name, query] of Object.entries(lists)) {
    let cursor: string | undefined;
    await time(`${name}, page by page`, async () => {
      cursor = (await jobs.list(admin, { ...query, limit: 50, cursor })).nextCursor ?? undefined;
    });
  }
  const { job } = await jobs.create(admin, newJob);
  const waiting = (turn: number): string => (isLoaded ? ineligibleJobId(1 + ((turn * 97) % (rows / 2 - 1))) : job.id);
  await time('why', (turn) => jobs.why(waiting(turn)));
  await time('read', (turn) => jobs.get(admin, waiting(turn)));
  await time('sweep', () => jobs.sweep());
  return timings;
}
