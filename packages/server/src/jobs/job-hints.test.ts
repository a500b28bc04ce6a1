import { describe, expect, it } from 'vitest';
import { ManualClock } from '../kernel/time/manual-clock.ts';
import { JobHints, maxMessageBytes, type Hint, type HintChannel, type HintOrOverflow } from './job-hints.ts';
import { routeOf } from './job-route.ts';

const route = routeOf({ type: 'exec', repository: null, requiredCapabilities: ['gpu'] });

function hint(number: number, fields: Partial<Hint> = {}): Hint {
  return { jobId: `00000000-0000-7000-8000-${String(number).padStart(12, '0')}`, seq: 1, status: 'queued', ...fields };
}

/** A hint channel that delivers each message to every subscriber, including the sender, as the channel of Postgres does. */
class Channel implements HintChannel {
  readonly sent: string[] = [];
  readonly #listeners: ((message: string) => void)[] = [];
  readonly #missed: (() => void)[] = [];

  send(message: string): Promise<void> {
    this.sent.push(message);
    this.inject(message);
    return Promise.resolve();
  }

  listen(received: (message: string) => void, missed: () => void): Promise<void> {
    this.#listeners.push(received);
    this.#missed.push(missed);
    return Promise.resolve();
  }

  /** Simulates a reconnect of the first subscriber. */
  break(): void {
    this.#missed[0]?.();
  }

  inject(message: string): void {
    for (const listener of this.#listeners) listener(message);
  }
}

async function twoServers() {
  const clock = new ManualClock();
  const channel = new Channel();
  const make = async (serverId: string) => {
    const hints = new JobHints({ clock, serverId, channel });
    await hints.start();
    const received: HintOrOverflow[] = [];
    hints.onAny((each) => received.push(each));
    return { hints, received };
  };
  return { clock, channel, one: await make('one'), two: await make('two') };
}

describe('hints', () => {
  it('are delivered at once in the same process, and only once', async () => {
    const { clock, one } = await twoServers();
    one.hints.publish(hint(1));
    expect(one.received).toEqual([hint(1)]);
    clock.advance(1000);
    expect(one.received).toHaveLength(1);
  });

  it('of a time in which the channel was lost are made up for by looking at everything, here and there', async () => {
    const { channel, one, two } = await twoServers();
    channel.break();
    expect([one.received, two.received]).toEqual([['overflow'], ['overflow']]);
  });

  it('reach other servers with the route, 50 ms later, the newest of each job', async () => {
    const { clock, channel, one, two } = await twoServers();
    one.hints.publish(hint(1, { route }));
    one.hints.publish(hint(2));
    one.hints.publish(hint(1, { seq: 2, status: 'running' }));
    clock.advance(49);
    expect(two.received).toEqual([]);
    clock.advance(1);
    expect(two.received).toEqual([hint(1, { seq: 2, status: 'running' }), hint(2)]);
    one.hints.publish(hint(3, { route }));
    clock.advance(50);
    expect(two.received.at(-1)).toEqual(hint(3, { route }));
    expect(channel.sent).toHaveLength(2);
  });

  it('are at most 20 messages a second, and nothing when nothing happens', async () => {
    const { clock, channel, one } = await twoServers();
    for (let ms = 0; ms < 1000; ms++) {
      one.hints.publish(hint(ms % 7));
      clock.advance(1);
    }
    expect(channel.sent.length).toBeLessThanOrEqual(20);
    const before = channel.sent.length;
    clock.advance(60_000);
    expect(channel.sent.length - before).toBeLessThanOrEqual(1);
  });

  it('that are too many for a message say only that much changed', async () => {
    const { clock, channel, one, two } = await twoServers();
    for (let number = 0; number < 100; number++) one.hints.publish(hint(number, { route }));
    clock.advance(50);
    expect(two.received).toEqual(['overflow']);
    expect(channel.sent.every((message) => Buffer.byteLength(message) <= maxMessageBytes)).toBe(true);
  });

  it.each([
    ['no JSON', 'nonsense'],
    ['nobody’s', '{}'],
    ['null', 'null'],
    ['not hints', '{"from":"three","hints":[null]}'],
    ['of unknown states', '{"from":"three","hints":[{"jobId":"x","seq":1,"status":"asleep"}]}'],
    ['with half a route', '{"from":"three","hints":[{"jobId":"x","seq":1,"status":"queued","route":{"id":"x"}}]}'],
    ['of a kind yet unknown', '{"from":"three","news":[]}'],
  ])('that cannot be read because they are %s mean: look again', async (_, message) => {
    const { channel, two } = await twoServers();
    expect(() => {
      channel.inject(message);
    }).not.toThrow();
    expect(two.received).toEqual(['overflow']);
  });

  it('may carry what a later version adds', async () => {
    const { channel, two } = await twoServers();
    channel.inject(JSON.stringify({ from: 'three', more: 1, hints: [{ ...hint(1), more: 1 }] }));
    expect(two.received).toEqual([hint(1)]);
  });

  it('of one job wake those that follow it, until they stop', async () => {
    const { clock, one, two } = await twoServers();
    let woken = 0;
    const unsubscribe = two.hints.onJob(hint(1).jobId, () => (woken += 1));
    two.hints.publish(hint(2));
    expect(woken).toBe(0);
    two.hints.publish(hint(1));
    one.hints.publish(hint(1));
    clock.advance(50);
    expect(woken).toBe(2);
    for (let number = 0; number < 100; number++) one.hints.publish(hint(number));
    clock.advance(50);
    expect(woken).toBe(3);
    unsubscribe();
    two.hints.publish(hint(1));
    expect(woken).toBe(3);
  });

  it('need no channel', () => {
    const hints = new JobHints({ clock: new ManualClock(), serverId: 'alone' });
    const received: HintOrOverflow[] = [];
    const unsubscribe = hints.onAny((each) => received.push(each));
    hints.publish(hint(1));
    unsubscribe();
    hints.publish(hint(2));
    expect(received).toEqual([hint(1)]);
  });
});
