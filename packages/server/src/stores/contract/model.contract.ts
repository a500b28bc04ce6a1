import { decideJob, type JobCommand, type JobRecord } from '@proofhouse/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { routeMatches, routeOf } from '../../jobs/job-route.ts';
import type { Claimed, ClaimRequest, Passed } from '../../jobs/job-store.ts';
import type { MetadataStore } from '../metadata-store.ts';
import { claimBy, newJob, start } from './records.ts';
import { storesOf, type StoreHarness } from './store-harness.ts';

type Act =
  | {
      readonly act: 'enqueue';
      readonly priority: number;
      readonly capability: string;
      readonly repository: string | null;
      readonly delayMs: number;
      readonly maxAttempts: number;
    }
  | {
      readonly act: 'claim';
      readonly capabilities: string[];
      readonly repositories: string[] | undefined;
      readonly count: number;
      readonly leaseMs: number;
    }
  | { readonly act: 'command'; readonly which: number; readonly kind: JobCommand['kind']; readonly retryable: boolean }
  | { readonly act: 'sweep' }
  | { readonly act: 'wait'; readonly ms: number };

/** The repositories of the jobs. With six repositories, a claim can match few routes, many routes or all routes. */
const repositories = ['a', 'b', 'c', 'd', 'e', 'f'];

const acts: fc.Arbitrary<Act[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        act: fc.constant('enqueue' as const),
        priority: fc.integer({ min: -1, max: 1 }),
        capability: fc.constantFrom('', 'git', 'gpu'),
        repository: fc.constantFrom(null, ...repositories),
        delayMs: fc.constantFrom(0, 0, 10, 5000),
        maxAttempts: fc.integer({ min: 1, max: 3 }),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        act: fc.constant('claim' as const),
        capabilities: fc.subarray(['git', 'gpu']),
        repositories: fc.option(fc.subarray(repositories), { nil: undefined }),
        count: fc.integer({ min: 1, max: 3 }),
        leaseMs: fc.constantFrom(10, 60_000),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        act: fc.constant('command' as const),
        which: fc.nat(),
        kind: fc.constantFrom('renew', 'complete', 'fail', 'ack', 'expire', 'cancel', 'retry'),
        retryable: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.record({ act: fc.constant('sweep' as const) }) },
    {
      weight: 2,
      arbitrary: fc.record({ act: fc.constant('wait' as const), ms: fc.constantFrom(1, 10, 1000, 20_000) }),
    },
  ),
  { minLength: 5, maxLength: 40 },
);

/**
 * A model of the queue in memory, with which the store is compared. The same pure rules (`decideJob`) change the jobs
 * in both.
 */
class Model {
  readonly jobs = new Map<string, JobRecord>();
  readonly events = new Map<string, string[]>();

  add(job: JobRecord): void {
    this.jobs.set(job.id, job);
    this.#noteDelay(job);
    this.events.set(job.id, ['queued']);
  }

  apply(id: string, command: JobCommand, now: number): ReturnType<typeof decideJob> {
    const decision = decideJob(this.jobs.get(id)!, command, now);
    if (decision.outcome === 'changed') {
      this.jobs.set(id, decision.job);
      this.#noteDelay(decision.job);
      this.events.get(id)?.push(...decision.events.map((event) => event.kind));
    }
    return decision;
  }

  #noteDelay({ id, status, nextAttemptAt }: JobRecord): void {
    if (status === 'queued' && nextAttemptAt !== null) this.#delays.set(id, nextAttemptAt);
    else this.#delays.delete(id);
  }

  /** The ids of delayed jobs, with the earliest time at which each job may be claimed. */
  #delays = new Map<string, number>();

  /** Makes the jobs of the model claimable whose delay has ended since the last call. Returns their ids. */
  due(now: number): string[] {
    const due = [...this.#delays].filter(([, at]) => at <= now).map(([id]) => id);
    for (const id of due) {
      this.#delays.delete(id);
      const job = this.jobs.get(id)!;
      this.jobs.set(id, { ...job, version: job.version + 1 });
    }
    return due.toSorted();
  }

  sweep(now: number): string[] {
    const past = [...this.jobs.values()].filter((job) => job.status === 'running' && job.leaseExpiresAt! <= now);
    for (const job of past) this.apply(job.id, { kind: 'expire' }, now);
    return past.map((job) => job.id).toSorted();
  }

  claim(request: ClaimRequest): JobRecord[] {
    const { now = start, workerId, leaseMs, leaseIds } = request;
    this.sweep(now);
    const eligible = [...this.jobs.values()]
      .filter(
        (job) => job.status === 'queued' && (job.nextAttemptAt ?? 0) <= now && routeMatches(routeOf(job), request),
      )
      .toSorted((a, b) => b.priority - a.priority || a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
      .slice(0, leaseIds.length);
    return eligible.map((job, index) => {
      this.apply(job.id, { kind: 'claim', workerId, leaseId: leaseIds[index]!, leaseMs }, now);
      return this.jobs.get(job.id)!;
    });
  }
}

function commandOf(act: Act & { act: 'command' }, job: JobRecord): JobCommand {
  const fence = {
    workerId: job.lastClaimedBy ?? 'nobody',
    leaseId: act.which % 5 === 0 ? undefined : (job.leaseId ?? 'none'),
  };
  switch (act.kind) {
    case 'fail':
      return { kind: 'fail', fence, errorMessage: 'failed', retryable: act.retryable };
    case 'complete':
      return { kind: 'complete', fence, resultSummary: 'done' };
    case 'ack':
      return { kind: 'ack', fence, message: null };
    case 'cancel':
    case 'retry':
      return { kind: act.kind, actor: 'admin', reason: null };
    case 'renew':
      return { kind: 'renew', fence, leaseMs: 50 };
    default:
      return { kind: 'expire' };
  }
}

function passedOf(answer: Claimed | { readonly passed: Passed }): [string[], string[]] {
  const { ended = [], ready = [] } = ('passed' in answer ? answer.passed : undefined) ?? {};
  return [ended.map((job) => job.id).toSorted(), ready.map(({ jobId }) => jobId).toSorted()];
}

async function play(store: MetadataStore, script: readonly Act[]): Promise<void> {
  const model = new Model();
  let now = start;
  for (const act of script) {
    now += 1;
    if (act.act === 'wait') now += act.ms;
    if (act.act === 'enqueue') {
      const requiredCapabilities = act.capability === '' ? [] : [act.capability];
      const nextAttemptAt = act.delayMs === 0 ? null : now + act.delayMs;
      const { priority, maxAttempts, repository } = act;
      const job = newJob({ priority, maxAttempts, repository, requiredCapabilities, nextAttemptAt, createdAt: now });
      model.add(job);
      await store.jobs.enqueue(job);
    }
    if (act.act === 'claim') {
      const leaseIds = Array.from({ length: act.count }, (_, i) => `lease-${now}-${i}`);
      const { capabilities, repositories: allowed } = act;
      const request = claimBy('w', { capabilities, repositories: allowed, leaseMs: act.leaseMs, leaseIds, now });
      const claimed = await store.jobs.claim(request);
      const ended = model.sweep(now);
      const due = model.due(now);
      const jobs = model.claim(request);
      expect(claimed).toMatchObject({ outcome: 'claimed', jobs });
      const others = due.filter((id) => !jobs.some((job) => job.id === id));
      expect(passedOf(claimed)).toEqual([ended, others]);
    }
    if (act.act === 'sweep') {
      const passed = await store.jobs.sweep(100, now);
      expect(passedOf({ passed })).toEqual([model.sweep(now), model.due(now)]);
    }
    const ids = [...model.jobs.keys()];
    if (act.act === 'command' && ids.length > 0) {
      const id = ids[act.which % ids.length]!;
      const command = commandOf(act, model.jobs.get(id)!);
      expect(await store.jobs.apply(id, (job) => decideJob(job, command, now), { now })).toEqual(
        model.apply(id, command, now),
      );
    }
  }
  for (const [id, job] of model.jobs) {
    expect(await store.jobs.find(id)).toEqual(job);
    const events = await store.jobs.events(id, 0, 1000);
    expect(events.map((event) => event.kind)).toEqual(model.events.get(id));
    expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
  }
}

export function modelContract(harness: StoreHarness, runs: number): void {
  describe('a random history', () => {
    const { fresh } = storesOf(harness);
    it('ends as it does in a list in memory', { timeout: 120_000 }, async () => {
      await fc.assert(
        fc.asyncProperty(acts, async (script) => {
          const store = await fresh();
          await play(store, script);
          await store.close();
        }),
        { numRuns: runs },
      );
    });
  });
}
