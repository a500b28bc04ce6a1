import { Writable } from 'node:stream';
import { beforeEach, expect, it } from 'vitest';
import { ClockWatch } from './clock-watch.ts';
import { makeLogger } from '../logger.ts';
import { ManualClock } from './manual-clock.ts';

let clock: ManualClock;
let lines: string[];
let watch: ClockWatch;
/** The database's clock minus the clock of this machine, ms. */
let ahead: number;

beforeEach(() => {
  clock = new ManualClock();
  lines = [];
  ahead = 0;
  const destination = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(chunk.toString());
      done();
    },
  });
  watch = new ClockWatch({ clock, logger: makeLogger('info', destination) });
  watch.watch({ time: () => clock.now(), databaseNow: () => Promise.resolve(clock.now() + ahead) });
});

it('says nothing while the clocks agree, however much time passes', async () => {
  for (let minute = 0; minute < 100; minute++) {
    clock.advance(60_000);
    watch.compare();
    await watch.look();
  }
  expect(watch.report).toEqual({ skewMs: 0, jumps: 0, lastJump: null });
  expect(lines).toEqual([]);
});

it('follows a clock that is corrected little by little', () => {
  for (let second = 0; second < 1000; second++) {
    clock.advance(1000);
    clock.step(second % 2 === 0 ? 400 : -300);
    watch.compare();
  }
  expect(watch.report.jumps).toBe(0);
});

it.each([500, -500, 3_600_000, -600_000])('tells of a jump of %d ms once', (ms) => {
  clock.step(ms);
  watch.compare();
  watch.compare();
  expect(watch.report).toMatchObject({ jumps: 1, lastJump: { clock: 'machine', ms } });
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ clock: 'machine', ms });
});

it('tells of a skew when it begins and when it ends', async () => {
  ahead = 2001;
  for (let minute = 0; minute < 3; minute++) await watch.look();
  expect(watch.report).toMatchObject({ skewMs: -2001, jumps: 0 });
  expect(lines).toHaveLength(1);
  ahead = 0;
  for (let minute = 0; minute < 3; minute++) await watch.look();
  expect(watch.report.skewMs).toBe(0);
  expect(lines).toHaveLength(2);
});
