// Simulates two servers. Their uploads, commits, crashes, pins, clock steps and collections are interleaved at every
// await. Tests two invariants: collection never removes bytes that a record refers to, and in the end it removes all
// orphans.
import { Blobs, MemoryBackend, type BlobBackend, type BlobListing } from '@proofhouse/blobs';
import { ownedBlob, AppError, isAppError, type JobRecord } from '@proofhouse/core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ArtifactIntake } from '../artifacts/artifact-intake.ts';
import type { Clock } from '../kernel/time/clock.ts';
import type { Commits } from '../kernel/commit.ts';
import { Ids } from '../kernel/ids.ts';
import { makeLogger } from '../kernel/logger.ts';
import { ManualClock } from '../kernel/time/manual-clock.ts';
import { Collection } from './collection.ts';
import { MemoryRecords } from './testing/memory-records.ts';
import { noSecretPolicy } from '../secrets/testing/no-secret-policy.ts';

const graceMs = 16_000;
/** Largest offset of each clock from the simulated time, in ms. It is small compared with the grace period. */
const mostOffMs = graceMs / 16;
/** Largest duration of a commit, in ms, like the statement timeout of an engine. It is small compared with the grace period. */
const commitWithinMs = graceMs / 8;

type Step =
  | { readonly kind: 'upload'; readonly server: 0 | 1; readonly type: 'log' | 'report' }
  | { readonly kind: 'collect'; readonly server: 0 | 1 }
  | { readonly kind: 'crash'; readonly server: 0 | 1 }
  | { readonly kind: 'pin'; readonly nth: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'step-clock'; readonly whose: 0 | 1 | 2; readonly offMs: number };

const server = fc.constantFrom(0 as const, 1 as const);
const passing = fc.constantFrom(1, commitWithinMs, graceMs / 2 - 1, graceMs / 2, graceMs);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('upload' as const),
      server,
      type: fc.constantFrom('log' as const, 'report' as const),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('collect' as const), server }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const), server }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pin' as const), nth: fc.nat({ max: 5 }) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: passing }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('step-clock' as const),
      whose: fc.constantFrom(0 as const, 1 as const, 2 as const),
      offMs: fc.integer({ min: -mostOffMs, max: mostOffMs }),
    }),
  },
);

/**
 * The simulated system: two servers, one record store and one blob storage. Each server and the blob storage has its
 * own clock. The three clocks have the same speed and small offsets.
 */
class World {
  readonly time = new ManualClock();
  readonly records = new MemoryRecords();
  readonly off = [0, 0, 0];
  readonly backend = new MemoryBackend({ now: () => this.time.now() + (this.off[2] ?? 0) });
  readonly #ids = new Ids(this.time);
  readonly #scheduler: fc.Scheduler;
  /** The number of crashes of each server. An operation fails if its server crashed after the operation began. */
  readonly #lives = [0, 0];
  readonly #guardMs: number;
  readonly #work: Promise<unknown>[] = [];
  /**
   * The time at which the upload of each blob began, by blob key. The blob storage lists it as the creation time of the
   * blob, as an object store does. A blob then seems older than it is. This is the most dangerous case, because
   * collection removes old blobs.
   */
  readonly #begunAt = new Map<string, number>();

  constructor(scheduler: fc.Scheduler, guardMs: number) {
    this.#scheduler = scheduler;
    this.#guardMs = guardMs;
  }

  async run(steps: readonly Step[]): Promise<void> {
    await this.backend.open();
    const sequence = steps.map((each) => async (): Promise<void> => {
      this.#begin(each);
    });
    const { task } = this.#scheduler.scheduleSequence(sequence);
    const end = async (): Promise<void> => {
      await task;
      await Promise.all(this.#work);
    };
    await this.#scheduler.waitFor(end());
  }

  /** Lets the scheduler run other operations. Called at every await of a server. Throws if the server crashed meanwhile. */
  async #turn(server: 0 | 1, life: number): Promise<void> {
    await this.#scheduler.schedule(Promise.resolve());
    if (this.#lives[server] !== life) throw new AppError('unavailable', 'The server crashed.');
  }

  #begin(step: Step): void {
    switch (step.kind) {
      case 'upload':
        this.#inBackground(this.#upload(step.server, step.type));
        return;
      case 'collect':
        this.#inBackground(this.collection(step.server, false).run());
        return;
      case 'crash':
        this.#lives[step.server] = (this.#lives[step.server] ?? 0) + 1;
        return;
      case 'pin': {
        const record = this.records.kept()[step.nth];
        if (record !== undefined) this.records.change(record.id, { pinnedAt: record.pinnedAt === null ? 1 : null });
        return;
      }
      case 'pass':
        this.time.advance(step.ms);
        return;
      case 'step-clock':
        this.off[step.whose] = step.offMs;
    }
  }

  #inBackground(work: Promise<unknown>): void {
    const settled = work.catch((error: unknown) => {
      if (!isAppError(error)) throw error;
    });
    this.#work.push(settled);
  }

  async #upload(server: 0 | 1, type: 'log' | 'report'): Promise<void> {
    const life = this.#lives[server] ?? 0;
    const turn = (): Promise<void> => this.#turn(server, life);
    const clock = this.#clockOf(server);
    const blobs = this.#blobsOf();
    const { records } = this;
    const staging = new ArtifactIntake({
      store: records,
      commits: records,
      blobs,
      clock,
      graceMs: this.#guardMs,
      requireRoom: () => undefined,
      secrets: noSecretPolicy(),
      logger: makeLogger('silent'),
    });
    const source = async function* (): AsyncGenerator<Uint8Array> {
      await turn();
      yield Buffer.from('bytes');
      await turn();
    };
    const staged = await staging.stage(source(), 10);
    await turn();
    const blob = await staged.commit();
    const begunAt = this.time.now();
    for (let waits = 0; waits < 6; waits++) await turn();
    if (this.time.now() - begunAt > commitWithinMs) throw new AppError('unavailable', 'The commit took too long.');
    this.records.add({ blob, type, jobId: 'job', name: 'x', createdAt: clock.now() });
  }

  collection(server: 0 | 1, undisturbed: boolean): Collection {
    const life = this.#lives[server] ?? 0;
    const turn = undisturbed ? () => Promise.resolve() : () => this.#turn(server, life);
    const { records } = this;
    const around =
      <Args extends readonly unknown[], Result>(call: (...args: Args) => Promise<Result>) =>
      async (...args: Args): Promise<Result> => {
        await turn();
        const result = await call(...args);
        await turn();
        return result;
      };
    const commits: Commits = { commit: around((commit) => records.commit(commit)) };
    return new Collection({
      store: { expirable: around((...call: Parameters<MemoryRecords['expirable']>) => records.expirable(...call)) },
      owners: { statesOf: around((keys: readonly string[]) => records.statesOf(keys)) },
      commits,
      findJob: () => Promise.resolve({ status: 'failed', finishedAt: 0 } as JobRecord),
      blobs: this.#blobsOf(turn),
      jobView: { show: turn, refresh: turn },
      clock: this.#clockOf(server),
      requireSame: () => Promise.resolve(),
      databaseLasts: true,
      since: 0,
      logger: makeLogger('silent'),
      // Artifacts of the type `log` expire after one grace period.
      policy: { days: { log: graceMs / 86_400_000 } },
      graceMs,
    });
  }

  #clockOf(server: 0 | 1): Clock {
    return {
      now: () => this.time.now() + (this.off[server] ?? 0),
      monotonic: () => this.time.monotonic(),
      after: () => () => undefined,
    };
  }

  /**
   * Returns the blob storage for one server. Each deletion first awaits `turn`, so that other operations can run before
   * it.
   */
  #blobsOf(turn: () => Promise<void> = () => Promise.resolve()): Blobs {
    const backend: BlobBackend = Object.assign(Object.create(this.backend) as BlobBackend, {
      supports: this.backend.supports,
      create: (key: string) => {
        this.#begunAt.set(key, this.time.now() + (this.off[2] ?? 0));
        return this.backend.create(key);
      },
      list: (options: { prefix?: string }) => this.#listed(options),
      read: (key: string) => this.backend.read(key),
      stat: (key: string) => this.backend.stat(key),
      sweepStaging: () => this.backend.sweepStaging(),
      delete: async (key: string): Promise<void> => {
        await turn();
        await this.backend.delete(key);
      },
    });
    return new Blobs({ backend, newKey: () => this.#ids.blobKey() });
  }

  async *#listed(options: { prefix?: string }): AsyncGenerator<BlobListing> {
    for await (const blob of this.backend.list(options)) {
      yield { ...blob, createdAt: this.#begunAt.get(blob.key) ?? blob.createdAt };
    }
  }

  async lost(): Promise<string[]> {
    const keys = await this.keys();
    return this.records.kept().flatMap((record) => (keys.has(ownedBlob(record).key) ? [] : [record.id]));
  }

  async keys(): Promise<Set<string>> {
    const keys = new Set<string>();
    for await (const { key } of this.backend.list()) keys.add(key);
    return keys;
  }
}

/** A scheduler that waits until all tasks are blocked before it runs the next one. */
const scheduler = fc.scheduler({
  act: async (turn) => {
    await turn();
    await new Promise(setImmediate);
  },
});
const history = fc.array(step, { minLength: 5, maxLength: 40 });

it('no bytes that a record names are ever taken, and in the end none are left that no record names', async () => {
  await fc.assert(
    fc.asyncProperty(scheduler, history, async (turns, steps) => {
      const world = new World(turns, graceMs);
      await world.run(steps);
      expect(await world.lost()).toEqual([]);
      world.time.advance(2 * graceMs);
      await world.collection(0, true).run();
      expect(await world.lost()).toEqual([]);
      expect(await world.keys()).toEqual(new Set(world.records.kept().map((record) => ownedBlob(record).key)));
    }),
    { numRuns: Number(process.env['COLLECTION_RACES'] ?? 300) },
  );
});

it('without the guard on uploads the same simulation loses bytes, so the test can detect it', async () => {
  const unguarded = fc.asyncProperty(scheduler, history, async (turns, steps) => {
    const world = new World(turns, Infinity);
    await world.run(steps);
    expect(await world.lost()).toEqual([]);
  });
  const result = await fc.check(unguarded, { numRuns: 2000, seed: 7, endOnFailure: true });
  expect(result.failed).toBe(true);
});
