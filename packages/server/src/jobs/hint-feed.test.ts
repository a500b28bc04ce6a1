import { describe, expect, it } from 'vitest';
import { ManualClock } from '../kernel/time/manual-clock.ts';
import { followHints } from './hint-feed.ts';
import { JobHints, type Hint } from './job-hints.ts';

function hint(number: number, seq = 1): Hint {
  return { jobId: `job-${String(number)}`, seq, status: 'queued' };
}

function start() {
  const clock = new ManualClock();
  const hints = new JobHints({ clock, serverId: 'one' });
  let listeners = 0;
  const onAny = hints.onAny.bind(hints);
  hints.onAny = (receive) => {
    listeners += 1;
    const unsubscribe = onAny(receive);
    return () => {
      listeners -= 1;
      unsubscribe();
    };
  };
  const stop = new AbortController();
  const feed = followHints(hints, clock, stop.signal);
  const next = async () => (await feed.next()).value;
  return { clock, hints, stop, feed, next, listeners: () => listeners };
}

describe('the feed of hints', () => {
  it('yields each hint when it comes', async () => {
    const { hints, next } = start();
    const first = next();
    hints.publish(hint(1));
    expect(await first).toEqual(hint(1));
    hints.publish(hint(2));
    hints.publish(hint(3));
    expect([await next(), await next()]).toEqual([hint(2), hint(3)]);
  });

  it('yields the newest hint of each job to a slow reader', async () => {
    const { hints, next } = start();
    const first = next();
    hints.publish(hint(1));
    await first;
    for (let seq = 2; seq < 100; seq++) hints.publish(hint(1, seq));
    hints.publish(hint(2));
    expect([await next(), await next()]).toEqual([hint(1, 99), hint(2)]);
  });

  it('buffers 1000 jobs for a slow reader and yields `much` for more', async () => {
    const { hints, next } = start();
    const first = next();
    hints.publish(hint(0));
    await first;
    for (let number = 0; number < 1000; number++) hints.publish(hint(number));
    hints.publish(hint(999, 2));
    expect(await next()).toEqual(hint(0));
    for (let number = 0; number < 5000; number++) hints.publish(hint(number));
    const given: unknown[] = [];
    while (given.at(-1) !== 'overflow') given.push(await next());
    expect(given.length).toBeLessThanOrEqual(1001);
    const after = next();
    hints.publish(hint(7, 7));
    expect(await after).toEqual(hint(7, 7));
  });

  it('gives a keep-alive every 15 s, silent or busy', async () => {
    const { clock, hints, next } = start();
    const silent = next();
    clock.advance(15_000);
    expect(await silent).toBe('keep-alive');
    const given: unknown[] = [];
    for (let second = 0; second < 60; second++) {
      hints.publish(hint(second));
      clock.advance(1000);
      given.push(await next());
    }
    expect(given.filter((each) => each === 'keep-alive')).toHaveLength(4 - 1);
  });

  it.each([-600_000, 600_000])('gives a keep-alive after 15 s also when the wall clock is set by %d ms', async (ms) => {
    const { clock, next } = start();
    const silent = next();
    clock.step(ms);
    clock.advance(15_000);
    expect(await silent).toBe('keep-alive');
  });

  it('ends and is forgotten when it is told to, waiting or not', async () => {
    const waiting = start();
    const last = waiting.feed.next();
    expect(waiting.listeners()).toBe(1);
    waiting.stop.abort();
    expect((await last).done).toBe(true);
    expect(waiting.listeners()).toBe(0);
    const left = start();
    const first = left.next();
    left.hints.publish(hint(1));
    await first;
    await left.feed.return(undefined);
    expect(left.listeners()).toBe(0);
  });
});
