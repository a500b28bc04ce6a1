import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ManualClock } from '../../kernel/time/manual-clock.ts';
import { addHealthRoutes } from './health.ts';

let clock: ManualClock;
let app: FastifyInstance;
let looks: number;
/** The readiness check of the blob storage. Each test sets its own, and `looks` counts the calls. */
let look: () => Promise<void>;

beforeEach(() => {
  clock = new ManualClock();
  app = Fastify();
  looks = 0;
  look = () => Promise.resolve();
  const blobs = (): Promise<void> => {
    looks += 1;
    return look();
  };
  addHealthRoutes(app, { clock, checks: { database: () => Promise.resolve(), blobs } });
});
afterEach(() => app.close());

const ask = async (): Promise<{ status: number; body: unknown }> => {
  const { statusCode, body } = await app.inject('/readyz');
  return { status: statusCode, body: JSON.parse(body) as unknown };
};
const ready = { status: 200, body: { status: 'ready', parts: { database: 'ok', blobs: 'ok' } } };
const unavailable = { status: 503, body: { status: 'unavailable', parts: { database: 'ok', blobs: 'unavailable' } } };
const fail = (): Promise<void> => Promise.reject(new Error('disk full'));
const settled = (): Promise<void> => new Promise((done) => setImmediate(done));

it('concurrent calls share one probe, and so do those of the next second', async () => {
  let finish = (): void => undefined;
  look = () => new Promise((done) => (finish = done));
  const asked = Array.from({ length: 50 }, ask);
  while (looks === 0) await settled();
  await settled();
  finish();
  expect(await Promise.all(asked)).toEqual(asked.map(() => ready));
  clock.advance(999);
  expect(await ask()).toEqual(ready);
  expect(looks).toBe(1);
});

it('after one second the probe runs again', async () => {
  await ask();
  look = fail;
  clock.advance(1000);
  expect(await ask()).toEqual(unavailable);
  expect(looks).toBe(2);
});

it.each([-600_000, 600_000])(
  'a wall clock that is set by %d ms does not change how long a finding is kept',
  async (ms) => {
    await ask();
    look = fail;
    clock.step(ms);
    clock.advance(999);
    expect(await ask()).toEqual(ready);
    clock.advance(1);
    expect(await ask()).toEqual(unavailable);
  },
);

it('a failure is kept no longer than a success', async () => {
  look = fail;
  expect(await ask()).toEqual(unavailable);
  look = () => Promise.resolve();
  clock.advance(999);
  expect(await ask()).toEqual(unavailable);
  clock.advance(1);
  expect(await ask()).toEqual(ready);
  expect(looks).toBe(2);
});

it('a probe that never ends is a failure after ten seconds, and the next call starts a new one', async () => {
  look = () => new Promise(() => undefined);
  const asked = ask();
  while (looks === 0) await settled();
  clock.advance(10_000);
  expect(await asked).toEqual(unavailable);
  look = () => Promise.resolve();
  clock.advance(1000);
  expect(await ask()).toEqual(ready);
  expect(looks).toBe(2);
});

it('a synchronous exception is a failure like any other', async () => {
  look = () => {
    throw new Error('not even begun');
  };
  expect(await ask()).toEqual(unavailable);
});

it('liveness does not depend on the probes and starts none', async () => {
  look = fail;
  expect((await app.inject('/healthz')).statusCode).toBe(200);
  expect(looks).toBe(0);
});
