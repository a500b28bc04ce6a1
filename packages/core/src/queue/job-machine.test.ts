import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkFence,
  checkLease,
  decideJob,
  expiryDelayMs,
  jobMoves,
  retryDelayMs,
  type JobCommand,
} from './job-machine.ts';
import { maxEventMessageBytes } from './job-event.ts';
import { finalStatuses } from './job-status.ts';
import type { JobRecord } from './job.ts';
import { jobMadeAt as start, queuedJob } from '../testing/job-record.ts';
import { utf8Bytes } from '../values/wire-values.ts';

// There are few workers and leases, so that random histories often contain matching, wrong and ended leases.
const worker = fc.constantFrom('w1', 'w2');
const lease = fc.constantFrom('l1', 'l2', 'l3');
const fence = fc.record({ workerId: worker, leaseId: fc.option(lease, { nil: undefined }) });
const leaseMs = fc.integer({ min: 1, max: 50 });
const command: fc.Arbitrary<JobCommand> = fc.oneof(
  fc.record({ kind: fc.constant('claim' as const), workerId: worker, leaseId: lease, leaseMs }),
  fc.record({ kind: fc.constant('renew' as const), fence, leaseMs }),
  fc.record({ kind: fc.constant('complete' as const), fence, resultSummary: fc.constant('done') }),
  fc.record({
    kind: fc.constant('fail' as const),
    fence,
    errorMessage: fc.constant('broken'),
    retryable: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('ack' as const), fence, message: fc.constant(null) }),
  fc.constant({ kind: 'expire' as const }),
  fc.record({ kind: fc.constant('cancel' as const), actor: fc.constant('admin'), reason: fc.constantFrom('a', 'b') }),
  fc.record({ kind: fc.constant('retry' as const), actor: fc.constant('admin') }),
);
const history = fc.record({
  maxAttempts: fc.integer({ min: 1, max: 3 }),
  steps: fc.array(fc.record({ command, afterMs: fc.integer({ min: 0, max: 30 }) }), { maxLength: 40 }),
});

/** Applies the commands of a history to a new job, and calls `look` after each command. */
function play(
  { maxAttempts, steps }: { maxAttempts: number; steps: { command: JobCommand; afterMs: number }[] },
  look: (step: {
    before: JobRecord;
    after: JobRecord;
    command: JobCommand;
    now: number;
    decision: ReturnType<typeof decideJob>;
  }) => void,
): void {
  let job = queuedJob({ maxAttempts });
  let now = start;
  for (const step of steps) {
    now += step.afterMs;
    const decision = decideJob(Object.freeze(job), step.command, now);
    const after = decision.outcome === 'changed' ? decision.job : job;
    look({ before: job, after, command: step.command, now, decision });
    job = after;
  }
}

const always = (look: Parameters<typeof play>[1]): void => {
  fc.assert(
    fc.property(history, (story) => {
      play(story, look);
    }),
    { numRuns: 2000 },
  );
};

describe('every history of a job', () => {
  it('makes only moves that the table has', () => {
    always(({ before, after, command: { kind }, decision }) => {
      if (decision.outcome !== 'changed') return;
      expect(jobMoves[kind][before.status] ?? []).toContain(after.status);
    });
  });

  it('raises maxAttempts by a retry alone, and attempt never goes over it', () => {
    always(({ before, after, command: { kind } }) => {
      expect(after.attempt).toBeLessThanOrEqual(after.maxAttempts);
      if (kind !== 'retry') expect(after.maxAttempts).toBe(before.maxAttempts);
      expect(after.attempt - before.attempt).toBeGreaterThanOrEqual(0);
      expect(after.attempt - before.attempt).toBeLessThanOrEqual(1);
    });
  });

  it('leaves a final state by a retry alone', () => {
    always(({ before, after, command: { kind } }) => {
      if (finalStatuses.includes(before.status) && kind !== 'retry') expect(after).toEqual(before);
      if (before.status === 'succeeded' || before.status === 'cancelled') expect(after.status).toBe(before.status);
    });
  });

  it('has no write by who does not hold the lease', () => {
    always(({ before, command: asked, now, decision }) => {
      if (!('fence' in asked) || decision.outcome !== 'changed') return;
      expect(before.status).toBe('running');
      expect(asked.fence.workerId).toBe(before.lastClaimedBy);
      expect(asked.fence.leaseId ?? before.leaseId).toBe(before.leaseId);
      expect(before.leaseExpiresAt).toBeGreaterThan(now);
    });
  });

  it('answers a given lease that is not current with lease_lost, whatever the status, but for the repeated last call', () => {
    always(({ before, command: asked, decision }) => {
      if (!('fence' in asked) || asked.fence.leaseId === undefined) return;
      if (before.status === 'running' && asked.fence.leaseId === before.leaseId) return;
      if (decision.outcome === 'unchanged') {
        expect([before.endedBy, before.leaseId, before.lastClaimedBy]).toEqual([
          asked.kind,
          asked.fence.leaseId,
          asked.fence.workerId,
        ]);
      } else {
        expect(decision).toMatchObject({ outcome: 'refused', refusal: { code: 'lease_lost' } });
      }
    });
  });

  it('keeps a lease while running and no end of one otherwise; finishedAt goes with final states', () => {
    always(({ after }) => {
      expect(after.leaseExpiresAt !== null).toBe(after.status === 'running');
      expect(after.finishedAt !== null).toBe(finalStatuses.includes(after.status));
      if (after.status === 'running') expect(after.nextAttemptAt).toBeNull();
    });
  });

  it('sets startedAt once and keeps the first reason to cancel', () => {
    always(({ before, after, command: { kind } }) => {
      if (before.startedAt !== null) expect(after.startedAt).toBe(before.startedAt);
      if (before.cancelReason !== null && kind !== 'retry') expect(after.cancelReason).toBe(before.cancelReason);
    });
  });

  it('sets attemptStartedAt at each claim, clears it with the attempt, and clears what the attempt before said', () => {
    always(({ before, after, command: { kind }, now, decision }) => {
      if (decision.outcome !== 'changed') return;
      if (kind === 'claim') {
        expect(after).toMatchObject({ attemptStartedAt: now, errorMessage: null, resultSummary: null, finish: null });
      }
      if (after.status === 'queued') expect(after.attemptStartedAt).toBeNull();
      if (before.status === 'running' && after.status !== 'queued') {
        expect(after.attemptStartedAt).toBe(before.attemptStartedAt);
      }
      if (after.status === 'succeeded') expect(after.errorMessage).toBeNull();
    });
  });

  it('never requeues a job that somebody asked to cancel', () => {
    always(({ before, after, command: { kind } }) => {
      if (before.cancelRequestedAt !== null && kind !== 'retry' && before.status === 'running') {
        expect(after.status).not.toBe('queued');
      }
    });
  });

  it('tells every change but a heartbeat as an event', () => {
    always(({ command: { kind }, decision }) => {
      if (decision.outcome === 'changed') expect(decision.events.length > 0).toBe(kind !== 'renew');
    });
  });
});

describe('delays', () => {
  it('double from 15 s and stop at 600 s', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 8, 100, 1e9].map((attempt) => retryDelayMs(attempt) / 1000)).toEqual([
      15, 30, 60, 120, 240, 480, 600, 600, 600, 600,
    ]);
  });

  it('after a lost lease are short', () => {
    const running = decideJob(
      queuedJob({ maxAttempts: 2 }),
      { kind: 'claim', workerId: 'w', leaseId: 'l', leaseMs: 10 },
      start,
    );
    if (running.outcome !== 'changed') throw new Error('not claimed');
    expect(decideJob(running.job, { kind: 'expire' }, start + 9).outcome).toBe('unchanged');
    expect(decideJob(running.job, { kind: 'expire' }, start + 10)).toMatchObject({
      job: { status: 'queued', attempt: 2, nextAttemptAt: start + 10 + expiryDelayMs },
    });
  });
});

describe('the fence', () => {
  const running: JobRecord = {
    ...queuedJob({ maxAttempts: 1 }),
    status: 'running',
    lastClaimedBy: 'w1',
    leaseId: 'l1',
    leaseExpiresAt: start + 10,
  };
  it.each([
    ['the holder under its lease', running, { workerId: 'w1', leaseId: 'l1' }, start + 9, undefined],
    ['the holder at the end of its lease', running, { workerId: 'w1', leaseId: 'l1' }, start + 10, 'lease_lost'],
    ['the holder without a lease', running, { workerId: 'w1', leaseId: undefined }, start, undefined],
    [
      'the holder, too late, without a lease',
      running,
      { workerId: 'w1', leaseId: undefined },
      start + 10,
      'lease_lost',
    ],
    ['another under the lease', running, { workerId: 'w2', leaseId: 'l1' }, start, 'lease_lost'],
    ['another without one', running, { workerId: 'w2', leaseId: undefined }, start, 'job_ownership_mismatch'],
    [
      'anybody on a queued job',
      queuedJob({ maxAttempts: 1 }),
      { workerId: 'w1', leaseId: undefined },
      start,
      'job_state_conflict',
    ],
    ['a lease on a queued job', queuedJob({ maxAttempts: 1 }), { workerId: 'w1', leaseId: 'l1' }, start, 'lease_lost'],
  ] as const)('%s', (_who, job, asked, now, code) => {
    expect(checkFence(job, asked, now)?.code).toBe(code);
  });
});

describe('a lease, before it is known what for', () => {
  const held = {
    ...queuedJob(),
    status: 'running',
    lastClaimedBy: 'w1',
    leaseId: 'l1',
    leaseExpiresAt: start + 10,
  } as const;
  const ended = {
    ...queuedJob(),
    status: 'succeeded',
    lastClaimedBy: 'w1',
    leaseId: 'l1',
    endedBy: 'complete',
  } as const;
  it.each([
    ['that is held', held, { workerId: 'w1', leaseId: 'l1' }, undefined],
    ['of another worker', held, { workerId: 'w2', leaseId: 'l1' }, 'lease_lost'],
    ['that is another', held, { workerId: 'w1', leaseId: 'l2' }, 'lease_lost'],
    ['on a job that waits', queuedJob(), { workerId: 'w1', leaseId: 'l1' }, 'lease_lost'],
    ['under which the job was ended', ended, { workerId: 'w1', leaseId: 'l1' }, undefined],
    ['under which another ended it', ended, { workerId: 'w2', leaseId: 'l1' }, 'lease_lost'],
    ['that came before the last one', ended, { workerId: 'w1', leaseId: 'l0' }, 'lease_lost'],
  ] as const)('%s', (_which, job, fence, code) => {
    expect(checkLease(job, fence, start)?.code).toBe(code);
  });

  it('past its time is lost', () => {
    expect(checkLease(held, { workerId: 'w1', leaseId: 'l1' }, start + 10)?.code).toBe('lease_lost');
  });
});

describe('a refusal', () => {
  const refusalOf = (status: JobRecord['status'], asked: JobCommand): string | undefined => {
    const decision = decideJob(queuedJob({ status }), asked, start);
    return decision.outcome === 'refused' ? decision.refusal.message : undefined;
  };
  it.each([
    ['running', { kind: 'claim', workerId: 'w', leaseId: 'l', leaseMs: 1 }, 'only a queued job can be claimed'],
    ['failed', { kind: 'cancel', actor: 'a', reason: null }, 'it has ended and can no longer be cancelled'],
    ['queued', { kind: 'retry', actor: 'a' }, 'only a failed or dead-lettered job can be put back into the queue'],
  ] as const)('of a %s job is in the words of its caller: %j', (status, asked, words) => {
    expect(refusalOf(status, asked)).toBe(`Job ${queuedJob().id} is ${status}: ${words}.`);
  });
});

describe('an event', () => {
  const lease = { workerId: 'w', leaseId: 'l' };
  const running = queuedJob({
    ...lease,
    status: 'running',
    lastClaimedBy: 'w',
    leaseExpiresAt: start + 10,
    attempt: 2,
    startedAt: 1,
  });
  const messagesOf = (job: JobRecord, asked: JobCommand): string[] => {
    const decision = decideJob(job, asked, start);
    return decision.outcome === 'changed' ? decision.events.map((event) => event.message) : [];
  };
  const cancel: JobCommand = { kind: 'cancel', actor: 'admin', reason: null };
  const fail = (errorMessage: string): JobCommand => ({ kind: 'fail', fence: lease, errorMessage, retryable: true });

  it.each([
    [queuedJob(), cancel, 'Cancelled before anybody claimed it.'],
    [queuedJob({ startedAt: 1, attempt: 3 }), cancel, 'Cancelled while it waited for attempt 3.'],
    [
      { ...running, cancelRequestedAt: start },
      { kind: 'ack', fence: lease, message: null },
      'Cancelled during attempt 2.',
    ],
  ] as const)('of a cancelled job says how far it had come', (job, asked, words) => {
    expect(messagesOf(job, asked).at(-1)).toBe(words);
  });

  it('of a failed attempt keeps its reason, which the job keeps of the last one alone', () => {
    expect(messagesOf(running, fail('no disk\n'))).toEqual([
      'Attempt 2 failed: no disk',
      'Attempt 3 can start in 30 s.',
    ]);
  });

  it.each(['x', 'é', '\u{1F600}', 'ab\u{1F600}'])(
    'of a failed attempt keeps whole characters, at most 2 KiB: %s',
    (text) => {
      const [message = ''] = messagesOf(running, fail(text.repeat(3000)));
      expect(message.isWellFormed()).toBe(true);
      expect(message).toMatch(/^Attempt 2 failed: .*…$/u);
      expect(utf8Bytes(message)).toBeGreaterThan(maxEventMessageBytes - 4);
      expect(utf8Bytes(message)).toBeLessThanOrEqual(maxEventMessageBytes);
    },
  );
});
