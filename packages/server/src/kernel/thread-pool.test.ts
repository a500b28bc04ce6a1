import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ThreadPool, type Ask } from './thread-pool.ts';
import { ManualClock } from './time/manual-clock.ts';

interface Echo {
  readonly threadId: number;
  readonly seen: readonly unknown[];
}

let clock: ManualClock;
let pool: ThreadPool;
const beforeStart = vi.fn();

beforeEach(() => {
  clock = new ManualClock();
  beforeStart.mockReset();
  pool = new ThreadPool({
    script: path.join(import.meta.dirname, 'testing', 'echo-thread.ts'),
    workerData: undefined,
    mostThreads: 2,
    subject: 'archive',
    clock,
    beforeStart,
  });
});
afterEach(() => pool.close());

const ask = (request: unknown) => pool.run((one) => one(request)) as Promise<Echo>;
const ended = { code: 'unavailable', message: 'The thread that works on the archive ended; try again.' };
const closed = { code: 'unavailable', message: 'The archive is closed.' };

/**
 * Starts a session and a request in it that blocks the thread, as a long statement does. The thread continues when
 * `release` is called.
 */
function holding(): { asked: (one: Ask) => Promise<unknown>; release: () => void } {
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const release = (): void => {
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
  };
  return { asked: (one) => one(gate), release };
}

it('a session has its thread to itself, and the thread forgets it at its end', async () => {
  const sessions = ['a', 'b', 'c', 'd'].map((name) =>
    pool.run(async (one) => {
      await one(`${name}1`);
      await Promise.resolve();
      return ((await one(`${name}2`)) as Echo).seen;
    }),
  );
  expect(await Promise.all(sessions)).toEqual([
    ['a1', 'a2'],
    ['b1', 'b2'],
    ['c1', 'c2'],
    ['d1', 'd2'],
  ]);
  expect(beforeStart).toHaveBeenCalledTimes(2);
});

it('a thread that is held stops neither the event loop nor the sessions on the other thread', async () => {
  const { asked, release } = holding();
  const held = pool.run(asked);
  expect((await ask('a')).seen).toEqual(['a']);
  expect((await ask('b')).seen).toEqual(['b']);
  release();
  await held;
});

it('sessions that wait start in the order in which they came', async () => {
  const holds = [holding(), holding()];
  const running = holds.map(({ asked }) => pool.run(asked));
  const order: string[] = [];
  const waiting = ['a', 'b', 'c'].map(async (name) => {
    await ask(name);
    order.push(name);
  });
  holds[0]?.release();
  await Promise.all(waiting);
  expect(order).toEqual(['a', 'b', 'c']);
  holds[1]?.release();
  await Promise.all(running);
});

it('an error of the thread reaches the session with its code, and the thread lives on', async () => {
  const { threadId } = await ask('a');
  await expect(ask('throw')).rejects.toMatchObject({ message: 'Refused.', code: 'TEST_CODE' });
  expect(await ask('b')).toEqual({ threadId, seen: ['b'] });
});

it('a thread that ends fails its session, and the next session gets another thread', async () => {
  const { threadId } = await ask('a');
  await expect(ask('end')).rejects.toMatchObject(ended);
  const next = await ask('b');
  expect(next.seen).toEqual(['b']);
  expect(next.threadId).not.toBe(threadId);
});

it('sessions that waited for a thread that ended get another one', async () => {
  const { asked, release } = holding();
  const held = pool.run(asked);
  const ending = expect(ask('end')).rejects.toMatchObject(ended);
  const waiting = ['a', 'b'].map((name) => ask(name));
  await ending;
  expect((await Promise.all(waiting)).map(({ seen }) => seen)).toEqual([['a'], ['b']]);
  release();
  await held;
});

it('after three threads in a row without an answer one is started a minute', async () => {
  for (let thread = 0; thread < 3; thread++) await expect(ask('end')).rejects.toMatchObject(ended);
  const again = {
    code: 'unavailable',
    message: 'Threads that work on the archive end again and again; try again in a minute.',
  };
  await expect(ask('a')).rejects.toMatchObject(again);
  clock.advance(60_000);
  await expect(ask('end')).rejects.toMatchObject(ended);
  await expect(ask('a')).rejects.toMatchObject(again);
  clock.advance(60_000);
  expect((await ask('a')).seen).toEqual(['a']);
  await expect(ask('end')).rejects.toMatchObject(ended);
  expect((await ask('b')).seen).toEqual(['b']);
});

it('a thread that gives no answer in time is ended, and the next session gets another thread', async () => {
  const limited = new ThreadPool({
    script: path.join(import.meta.dirname, 'testing', 'echo-thread.ts'),
    workerData: undefined,
    mostThreads: 1,
    subject: 'archive',
    clock,
    longestAnswerMs: 30_000,
  });
  const askLimited = (request: unknown) => limited.run((one) => one(request)) as Promise<Echo>;
  const { threadId } = await askLimited('a');
  clock.advance(30_000);
  expect((await askLimited('b')).threadId).toBe(threadId);
  const { asked } = holding();
  const [held, waiting] = [limited.run(asked), askLimited('c')];
  // The request of the first session is sent when pending promises have settled.
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(30_000);
  await expect(held).rejects.toMatchObject(ended);
  expect((await waiting).threadId).not.toBe(threadId);
  await limited.close();
});

it('what is thrown before a start fails the session alone', async () => {
  beforeStart.mockImplementationOnce(() => {
    throw new Error('Not now.');
  });
  await expect(ask('a')).rejects.toThrow('Not now.');
  expect((await ask('b')).seen).toEqual(['b']);
});

it('a close fails sessions that run and that wait, and settles when the threads have ended', async () => {
  const holds = [holding(), holding()];
  const sessions = [...holds.map(({ asked }) => pool.run(asked)), ask('a')];
  const all = Promise.all(sessions.map((session) => expect(session).rejects.toMatchObject(closed)));
  let isClosed = false;
  const closing = pool.close().then(() => (isClosed = true));
  await all;
  expect(isClosed).toBe(false);
  for (const { release } of holds) release();
  await closing;
  await expect(ask('b')).rejects.toMatchObject(closed);
});
