import { describe, expect, it } from 'vitest';
import { maxEventsBytes, type AppError, type JobEventRecord, type JobRecord } from '@proofhouse/core';
import { ManualClock } from '../kernel/time/manual-clock.ts';
import { JobHints } from './job-hints.ts';
import { JobLog, noteDrafts } from './job-log.ts';
import type { JobStore } from './job-store.ts';

const jobId = 'the-job';

/** Returns an empty log in memory and a follower that reads it. */
function start(after = 0) {
  const clock = new ManualClock();
  const hints = new JobHints({ clock, serverId: 'one' });
  const events: JobEventRecord[] = [];
  let status: JobRecord['status'] = 'running';
  let looks = 0;
  /** Called once, after the follower of the log has queried it and before the follower sleeps. */
  let meanwhile = (): void => undefined;
  const jobNow = () => ({ id: jobId, status, lastSeq: events.length }) as JobRecord;
  const store: Pick<JobStore, 'find' | 'events'> = {
    find: () => {
      looks += 1;
      const job = jobNow();
      meanwhile();
      meanwhile = () => undefined;
      return Promise.resolve(job);
    },
    events: (_, from, limit) => Promise.resolve(events.slice(from, from + limit)),
  };
  const write = (count: number, to: JobRecord['status'] = 'running'): void => {
    for (let index = 0; index < count; index++) {
      events.push({ jobId, seq: events.length + 1, kind: 'note', level: 'info', message: 'x', createdAt: 0 });
    }
    status = to;
  };
  const publish = (): void => {
    hints.publish({ jobId, seq: events.length, status });
  };
  const log = new JobLog({ store: store as JobStore, hints, clock });
  const stop = new AbortController();
  const followed = log.follow(jobId, after, stop.signal);
  const next = async (): Promise<number | 'keep-alive' | undefined> => {
    const { value } = (await followed.next()) as { value: JobEventRecord | 'keep-alive' | undefined };
    return typeof value === 'object' ? value.seq : value;
  };
  return {
    clock,
    hints,
    log,
    stop,
    followed,
    next,
    write,
    publish,
    jobNow,
    looks: () => looks,
    meanwhile: (task: () => void) => (meanwhile = task),
  };
}

/** Lets pending promise callbacks run. */
const settle = () => new Promise((settled) => setImmediate(settled));

describe('a follower', () => {
  it('reads on through more than it reads at a time, and ends after a final job', async () => {
    const t = start();
    t.write(450, 'succeeded');
    const got: unknown[] = [];
    for (let seq = await t.next(); seq !== undefined; seq = await t.next()) got.push(seq);
    expect(got).toEqual(Array.from({ length: 450 }, (_, index) => index + 1));
  });

  it('misses nothing that is written between its look and its sleep', async () => {
    const t = start();
    t.meanwhile(() => {
      t.write(1);
      t.publish();
    });
    expect(await t.next()).toBe(1);
  });

  it('looks again within a second when the hint was lost', async () => {
    const t = start();
    const first = t.next();
    await settle();
    t.write(1);
    t.clock.advance(1000);
    expect(await first).toBe(1);
  });

  it('looks no oftener than once for many hints at once', async () => {
    const t = start();
    const first = t.next();
    await settle();
    t.write(5);
    for (let hint = 0; hint < 100; hint++) t.publish();
    await first;
    expect(t.looks()).toBe(2);
  });

  it('asks for nothing while its reader does not ask', async () => {
    const t = start();
    t.write(1000);
    expect(await t.next()).toBe(1);
    const before = t.looks();
    t.publish();
    t.clock.advance(60_000);
    await settle();
    expect(t.looks()).toBe(before);
  });

  it('is given a keep-alive after 15 s, also when the wall clock is set back by ten minutes', async () => {
    const t = start();
    const silent = t.next();
    await settle();
    t.clock.step(-600_000);
    for (let second = 0; second < 16; second++) {
      t.clock.advance(1000);
      await settle();
    }
    expect(await silent).toBe('keep-alive');
  });

  it('is given a keep-alive after 15 s, though events come all the time', async () => {
    const t = start();
    const got: unknown[] = [];
    for (let second = 0; second < 40; second++) {
      t.write(1);
      got.push(await t.next());
      t.clock.advance(1000);
    }
    expect(got.filter((each) => each === 'keep-alive')).toHaveLength(2);
    expect(got.filter((each) => each !== 'keep-alive')).toEqual(Array.from({ length: 38 }, (_, index) => index + 1));
  });

  it('ends when it is told to, asleep or not, and is forgotten', async () => {
    const asleep = start();
    const last = asleep.next();
    await settle();
    asleep.stop.abort();
    expect(await last).toBeUndefined();
    const before = asleep.looks();
    asleep.publish();
    asleep.clock.advance(60_000);
    await settle();
    expect(asleep.looks()).toBe(before);
    const awake = start();
    awake.write(3);
    await awake.next();
    await awake.followed.return(undefined);
    expect(await awake.next()).toBeUndefined();
  });
});

describe('a page of the log', () => {
  it('has a null cursor only at the end of a final job', async () => {
    const t = start();
    t.write(3);
    expect((await t.log.read(t.jobNow(), { after: 0, limit: 10, sort: 'asc' })).nextCursor).toBe('3');
    expect((await t.log.read(t.jobNow(), { after: 3, limit: 10, sort: 'asc' })).nextCursor).toBe('3');
    t.write(1, 'failed');
    expect((await t.log.read(t.jobNow(), { after: 0, limit: 3, sort: 'asc' })).nextCursor).toBe('3');
    expect((await t.log.read(t.jobNow(), { after: 3, limit: 10, sort: 'asc' })).nextCursor).toBeNull();
  });
});

describe('what a worker writes', () => {
  const problem = (inputs: Parameters<typeof noteDrafts>[0]): unknown => {
    try {
      noteDrafts(inputs);
    } catch (error) {
      return (error as AppError).errors[0]?.path;
    }
    return undefined;
  };

  it('is measured in bytes, and the event that is too large is named', () => {
    const fits = { level: 'info', message: 'é'.repeat(1024) } as const;
    const long = { level: 'info', message: `${'é'.repeat(1024)}x` } as const;
    const heavy = { level: 'info', message: 'x', payload: { a: '😀'.repeat(1023) } } as const;
    expect(problem([fits])).toBeUndefined();
    expect(problem([long])).toBe('message');
    expect(problem([fits, long])).toBe('events.1.message');
    expect(problem([fits, heavy, long])).toBe('events.1.payload');
  });

  it('is at most 256 KiB at a time', () => {
    const event = { level: 'info', message: 'x'.repeat(2000), payload: { a: 'y'.repeat(4000) } } as const;
    const most = Math.floor(maxEventsBytes / JSON.stringify(event).length);
    expect(problem(Array.from({ length: most - 1 }, () => event))).toBeUndefined();
    expect(problem(Array.from({ length: most + 1 }, () => event))).toBe('events');
  });
});
