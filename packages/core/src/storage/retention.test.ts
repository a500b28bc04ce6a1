import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { artifactStatuses, artifactTypes } from '../artifacts/artifact.ts';
import { finalStatuses, jobStatuses } from '../queue/job-status.ts';
import { parseRetentionDays, retentionVerdict, usualRetentionDays, type RetentionJob } from './retention.ts';

const dayMs = 86_400_000;
const at = Date.UTC(2026, 0, 1);

const content = { kind: 'owned', blob: { key: 'k', sha256: 'a', sizeBytes: 1, fingerprint: 'f' } } as const;
const pointer = { kind: 'pointer', uri: 's3://b/k', checksum: null, sizeBytes: null } as const;

const time = fc.integer({ min: at, max: at + 60 * dayMs });
const artifact = fc.record({
  type: fc.constantFrom(...artifactTypes),
  status: fc.constantFrom(...artifactStatuses),
  jobId: fc.constantFrom(null, 'job'),
  content: fc.constantFrom(content, pointer),
  pinnedAt: fc.option(time),
  purgedAt: fc.option(time),
  createdAt: time,
});
const job = fc.option(
  fc.record<RetentionJob>({ status: fc.constantFrom(...jobStatuses), finishedAt: fc.option(time) }),
  { nil: undefined },
);
const policy = fc.record({
  days: fc.dictionary(fc.constantFrom(...artifactTypes), fc.integer({ min: 1, max: 30 }), { noNullPrototype: true }),
});
const protector = fc.constantFrom(undefined, 'task 7');
const expiring = {
  content,
  type: 'log',
  status: 'draft',
  jobId: 'job',
  pinnedAt: null,
  purgedAt: null,
  createdAt: at,
} as const;
const over = { status: 'succeeded', finishedAt: at + dayMs } as const;

describe('the bytes of an artifact', () => {
  it('expire only when everything that protects them is absent', () => {
    fc.assert(
      fc.property(artifact, job, policy, time, protector, (given, itsJob, rules, now, protectedBy) => {
        const verdict = retentionVerdict(given, itsJob, rules, now, protectedBy);
        expect(verdict.reason).toMatch(/^[A-Z].*\.$/);
        if (!verdict.expires) return;
        expect([given.pinnedAt, given.purgedAt, protectedBy]).toEqual([null, null, undefined]);
        expect(['draft', 'rejected', 'superseded', 'archived']).toContain(given.status);
        expect(given.jobId).not.toBeNull();
        expect(given.content.kind).toBe('owned');
        expect(finalStatuses).toContain(itsJob?.status);
        expect(now - given.createdAt).toBeGreaterThan((rules.days[given.type] ?? Infinity) * dayMs);
        expect(now - (itsJob?.finishedAt ?? 0)).toBeGreaterThan((rules.days[given.type] ?? Infinity) * dayMs);
      }),
    );
  });

  it('that expired once never expire again, and what does not expire under a policy does not under a milder one', () => {
    fc.assert(
      fc.property(artifact, job, policy, time, (given, itsJob, rules, now) => {
        expect(retentionVerdict({ ...given, purgedAt: now }, itsJob, rules, now).expires).toBe(false);
        const milder = { days: Object.fromEntries(Object.entries(rules.days).map(([type, days]) => [type, days + 1])) };
        if (retentionVerdict(given, itsJob, milder, now).expires) {
          expect(retentionVerdict(given, itsJob, rules, now).expires).toBe(true);
        }
      }),
    );
  });

  it('never expire without a policy', () => {
    fc.assert(
      fc.property(artifact, job, time, (given, itsJob, now) => {
        expect(retentionVerdict(given, itsJob, { days: {} }, now).expires).toBe(false);
      }),
    );
  });

  it('expire a moment after the last of their days, counted from the end of the job', () => {
    const lastMoment = over.finishedAt + 7 * dayMs;
    expect(retentionVerdict(expiring, over, { days: usualRetentionDays }, lastMoment).expires).toBe(false);
    expect(retentionVerdict(expiring, over, { days: usualRetentionDays }, lastMoment + 1)).toEqual({
      expires: true,
      reason: 'It is draft, and was done with 7 days ago: type log is kept for 7 days.',
    });
  });

  it.each([
    [{ pinnedAt: at }, over, 'It is pinned.'],
    [{ status: 'approved' as const }, over, 'What is approved never expires.'],
    [{ type: 'report' as const }, over, 'Artifacts of type report never expire here.'],
    [{ jobId: null }, undefined, 'It was deposited outside of any job.'],
    [{}, undefined, 'Its job is not known.'],
    [{}, { status: 'running' as const, finishedAt: null }, 'Its job is running.'],
  ])('stay when %j is so, and the reason says it', (change, itsJob, reason) => {
    const verdict = retentionVerdict(
      { ...expiring, ...change },
      itsJob,
      { days: usualRetentionDays },
      at + 400 * dayMs,
    );
    expect(verdict).toEqual({ expires: false, reason });
  });

  it('stay when a clock went back', () => {
    expect(retentionVerdict(expiring, over, { days: usualRetentionDays }, at - 400 * dayMs).expires).toBe(false);
  });
});

describe('days by type', () => {
  it('are read from a list', () => {
    expect(parseRetentionDays('diff=30, log = 7,test-result=14')).toEqual(usualRetentionDays);
  });

  it.each([
    ['', /type=days/],
    ['log', /type=days/],
    ['log=-1', /type=days/],
    ['log=1.5', /type=days/],
    ['logs=7', /logs is no artifact type/],
    ['log=7,log=8', /twice/],
    ['log=0', /1 to 36500/],
    ['log=99999', /1 to 36500/],
    ['__proto__=1', /type=days/],
    ['constructor=1', /no artifact type/],
  ])('written as %j are refused', (text, sentence) => {
    expect(parseRetentionDays(text)).toMatch(sentence);
  });
});
