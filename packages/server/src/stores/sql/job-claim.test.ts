import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { claimBy, claimIds, newJob, start } from '../contract/records.ts';
import { openSqliteEngine } from './dialects/sqlite/sqlite-engine.ts';
import type { SqlEngine } from './sql-engine.ts';
import { SqlMetadataStore } from './sql-metadata-store.ts';
import type { VerbFactory } from './verb.ts';

/** How many answers the writes waited for, each in turn. */
function counting(engine: SqlEngine, waits: number[]): SqlEngine {
  const counted = <Result>(verb: VerbFactory<Result>): VerbFactory<Result> =>
    function* () {
      const inner = verb();
      let turn = inner.next();
      const index = waits.push(0) - 1;
      while (turn.done !== true) {
        if (!turn.value.unanswered) waits[index] = (waits[index] ?? 0) + 1;
        turn = inner.next(yield turn.value);
      }
      return turn.value;
    };
  return new Proxy(engine, {
    get: (target, name) => {
      if (name === 'write') return <Result>(verb: VerbFactory<Result>) => target.write(counted(verb));
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

describe('a claim', () => {
  let store: SqlMetadataStore;
  let other: SqlMetadataStore;
  let waits: number[];

  beforeEach(async () => {
    waits = [];
    const engine = await openSqliteEngine(':memory:');
    store = new SqlMetadataStore(counting(engine, waits));
    // As another server: what it writes is not known to the first.
    other = new SqlMetadataStore(engine);
    await store.jobs.enqueue(newJob(), undefined);
    await claimIds(store, 'first');
    waits.length = 0;
  });
  afterEach(() => store.close());

  const enqueue = async (over: Parameters<typeof newJob>[0] = {}, through = other): Promise<string> => {
    const job = newJob(over);
    await through.jobs.enqueue(job, undefined);
    waits.length = 0;
    return job.id;
  };

  it('waits for one answer when nothing is new and nothing due', async () => {
    const id = await enqueue();
    expect(await claimIds(store, 'w')).toEqual([id]);
    expect(waits).toEqual([1]);
  });

  it('waits for one answer when there is nothing for it', async () => {
    expect(await claimIds(store, 'w')).toEqual([]);
    expect(waits).toEqual([1]);
  });

  it('is undone and made again when what it found is not what comes first', async () => {
    await enqueue();
    const first = await enqueue({ priority: 9, repository: 'org/new' });
    expect(await claimIds(store, 'w')).toEqual([first]);
    expect(waits).toHaveLength(2);
  });

  it('goes on in one verb when it found nothing and something is new', async () => {
    const id = await enqueue({ repository: 'org/new' });
    expect(await claimIds(store, 'w')).toEqual([id]);
    expect(waits).toHaveLength(1);
  });

  it('gives the due job before what was ready, and ends the lease that passed', async () => {
    const ready = await enqueue();
    const due = await enqueue({ priority: 9, nextAttemptAt: start + 5 });
    const now = start + 70_000;
    const claimed = await store.jobs.claim(claimBy('w', { leaseIds: ['a', 'b', 'c'], now }));
    expect(claimed).toMatchObject({
      jobs: [{ id: due }, { id: ready }],
      passed: { ended: [{ status: 'queued', attempt: 2 }] },
    });
  });
});
