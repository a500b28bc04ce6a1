import { experimentIdPattern, groupIdPattern, registeredWorkerIdPattern } from '@proofhouse/core';
import { describe, expect, it } from 'vitest';
import { Ids } from './ids.ts';
import { ManualClock } from './time/manual-clock.ts';

const base32 = /^[a-z2-7]+$/;

describe('ids', () => {
  it('sort in the order of their making: within a millisecond, over time, and when the clock steps back', () => {
    let now = 1_700_000_000_000;
    const ids = new Ids({ now: () => now });
    const made: string[] = [];
    for (let count = 0; count < 3000; count++) {
      if (count % 100 === 0) now += count === 1500 ? -5000 : 1;
      made.push(ids.uuid());
    }
    expect(made).toEqual(made.toSorted());
    expect(new Set(made).size).toBe(made.length);
    for (const id of made) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('count on from the highest number that chance can give', () => {
    const ids = new Ids(new ManualClock(), (count) => new Uint8Array(count).fill(255));
    const made = Array.from({ length: 100 }, () => ids.uuid());
    expect(made).toEqual(made.toSorted());
  });

  it('of experiments, workers and groups are ULIDs that sort by time, also when the clock stands or steps back', () => {
    let now = Date.UTC(2026, 0, 1);
    const ids = new Ids({ now: () => now });
    const made: string[] = [];
    for (let count = 0; count < 3000; count++) {
      if (count % 100 === 0) now += count === 1500 ? -5000 : 1;
      made.push(ids.groupId());
    }
    expect(made).toEqual(made.toSorted());
    expect(new Set(made).size).toBe(made.length);
    for (const id of made) expect(id).toMatch(groupIdPattern);
    expect(ids.experimentId()).toMatch(experimentIdPattern);
    expect(ids.registeredWorkerId()).toMatch(registeredWorkerIdPattern);
  });

  it.each([
    // Each row has a time, the value of every random byte, and the id. The time of the first row is that of an often
    // shown ULID (01ARYZ6S41…). The other rows have the smallest or largest time (48 bits) and random part (80 bits).
    [1_469_918_176_385, 0, 'grp_01aryz6s410000000000000000'],
    [0, 0, 'grp_00000000000000000000000001'],
    [1, 255, 'grp_0000000001zzzzzzzzzzzzzzzz'],
    [2 ** 48 - 1, 255, 'grp_7zzzzzzzzzzzzzzzzzzzzzzzzz'],
  ])('a ULID of %d and chance %d is %s', (now, chance, id) => {
    const random = (count: number) => new Uint8Array(count).fill(chance);
    const ids = new Ids({ now: () => now }, random);
    expect(ids.groupId()).toBe(id);
    expect(id).toMatch(groupIdPattern);
  });

  it('that are secret have the length and alphabet that were promised', () => {
    const ids = new Ids(new ManualClock());
    expect(ids.leaseId()).toHaveLength(32);
    expect(ids.blobKey()).toHaveLength(32);
    expect(ids.artifactUri()).toMatch(/^proofhouse:\/\/artifacts\/[a-z2-7]{32}$/);
    expect(ids.secret('phw').slice(4)).toHaveLength(52);
    expect(ids.token(40)).toMatch(base32);
    expect(new Set(Array.from({ length: 1000 }, () => ids.leaseId())).size).toBe(1000);
  });
});
