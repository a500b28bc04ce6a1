import { AppError, type Job } from '@proofhouse/core';
import { describe, expect, test, vi } from 'vitest';
import type { ClaimedJob, ProofhouseClient } from '../index.ts';
import { HandClock } from '../testing/hand-clock.ts';
import { LeaseKeeper } from './lease-keeper.ts';

function setUp(heartbeat: () => Promise<Partial<Job>>, options: { renewFirst?: boolean } = {}) {
  const clock = new HandClock();
  const beat = vi.fn(heartbeat);
  const client = { jobs: { heartbeat: beat } } as unknown as ProofhouseClient;
  const job = { id: 'job-1', leaseId: 'lease-1' } as ClaimedJob;
  const keeper = new LeaseKeeper({ client, leaseSeconds: 120, clock, log: () => undefined }, job, options);
  const pass = async (ms: number) => {
    for (let left = ms; left > 0;) {
      const step = Math.min(left, Math.max(1, clock.nextDueMs ?? left));
      clock.advance(step);
      left -= step;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { keeper, beat, clock, pass };
}

const renewed = async () => ({ cancelRequestedAt: null });

describe('a lease', () => {
  test('is renewed every third of its length, until it is stopped', async () => {
    const { keeper, beat, clock, pass } = setUp(renewed);
    await pass(39_999);
    expect(beat).toHaveBeenCalledTimes(0);
    await pass(1);
    expect(beat).toHaveBeenCalledTimes(1);
    for (let count = 0; count < 10; count += 1) await pass(40_000);
    expect(beat).toHaveBeenCalledTimes(11);
    keeper.stop();
    await pass(400_000);
    expect(beat).toHaveBeenCalledTimes(11);
    expect(clock.nextDueMs).toBeUndefined();
    expect(keeper.lost.aborted).toBe(false);
  });

  test('is lost at once when the server reports that', async () => {
    const { keeper, beat, pass } = setUp(() => Promise.reject(new AppError('lease_lost', 'gone')));
    await pass(40_000);
    expect(keeper.lost.aborted).toBe(true);
    await pass(400_000);
    expect(beat).toHaveBeenCalledTimes(1);
  });

  test('survives a server that is away for less than its length', async () => {
    let away = true;
    const { keeper, pass } = setUp(() => (away ? Promise.reject(new AppError('unavailable', 'away')) : renewed()));
    await pass(40_000);
    await pass(40_000);
    away = false;
    await pass(40_000);
    await pass(40_000);
    expect(keeper.lost.aborted).toBe(false);
  });

  test('survives the error answers of a proxy while the server is away', async () => {
    const answers = [new AppError('not_found', 'no such page'), new AppError('unsupported', 'not our server')];
    const { keeper, pass } = setUp(() => (answers.length > 0 ? Promise.reject(answers.pop()!) : renewed()));
    for (let count = 0; count < 4; count += 1) await pass(40_000);
    expect(answers).toEqual([]);
    expect(keeper.lost.aborted).toBe(false);
  });

  test('is renewed at once when it is as old as a claim that had to be repeated', async () => {
    const { beat } = setUp(renewed, { renewFirst: true });
    expect(beat).toHaveBeenCalledTimes(1);
  });

  test('is lost when it expires without an answer, since another worker may hold the job', async () => {
    const { keeper, pass } = setUp(() => Promise.reject(new AppError('unavailable', 'away')));
    await pass(40_000);
    await pass(40_000);
    expect(keeper.lost.aborted).toBe(false);
    await pass(40_000);
    expect(keeper.lost.aborted).toBe(true);
  });

  test('is neither lost nor prolonged by a wall clock that is set: it is renewed at once', async () => {
    const { keeper, beat, clock, pass } = setUp(renewed);
    clock.step(3_600_000);
    await pass(5000);
    expect(beat).toHaveBeenCalledTimes(1);
    clock.step(-7_200_000);
    await pass(5000);
    expect(beat).toHaveBeenCalledTimes(2);
    await pass(40_000);
    expect(beat).toHaveBeenCalledTimes(3);
    expect(keeper.lost.aborted).toBe(false);
  });

  test('that is not renewed is lost on time although the wall clock was set back', async () => {
    const { keeper, clock, pass } = setUp(() => Promise.reject(new AppError('unavailable', 'away')));
    clock.step(-600_000);
    await pass(119_999);
    expect(keeper.lost.aborted).toBe(false);
    await pass(1);
    expect(keeper.lost.aborted).toBe(true);
  });

  test('is lost after the process was stopped for longer than its length, without a call to the server', async () => {
    const { keeper, beat, clock } = setUp(renewed);
    clock.leap(120_000);
    await expect.poll(() => keeper.lost.aborted).toBe(true);
    expect(keeper.lost.reason).toMatchObject({ code: 'lease_lost', message: expect.stringContaining('120 s passed') });
    expect(beat).not.toHaveBeenCalled();
  });

  test('of a late answer is confirmed by the first renewal, by its loss, or by the stop of the worker', async () => {
    let answer = Promise.withResolvers<Partial<Job>>();
    const confirmations = async (signal = new AbortController().signal) => {
      const { keeper } = setUp(() => answer.promise, { renewFirst: true });
      let isConfirmed = false;
      void keeper.confirmed(signal).then(() => (isConfirmed = true));
      await new Promise((resolve) => setImmediate(resolve));
      expect(isConfirmed).toBe(signal.aborted);
      return { keeper, isConfirmed: () => isConfirmed };
    };
    const held = await confirmations();
    answer.resolve(await renewed());
    await expect.poll(held.isConfirmed).toBe(true);
    expect(held.keeper.lost.aborted).toBe(false);
    answer = Promise.withResolvers();
    const lost = await confirmations();
    answer.reject(new AppError('lease_lost', 'gone'));
    await expect.poll(lost.isConfirmed).toBe(true);
    expect(lost.keeper.lost.aborted).toBe(true);
    await confirmations(AbortSignal.abort());
    const { keeper } = setUp(renewed);
    await keeper.confirmed(new AbortController().signal);
  });

  test('carries the request to cancel', async () => {
    const { keeper, pass } = setUp(async () => ({ cancelRequestedAt: '2026-01-01T00:00:00.000Z' }));
    await pass(40_000);
    expect(keeper.cancelled.aborted).toBe(true);
    expect(keeper.lost.aborted).toBe(false);
  });
});
