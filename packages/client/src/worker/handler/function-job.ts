import { AppError, isAppError, type JobArtifact } from '@proofhouse/core';
import { pause } from '../../transport/clock.ts';
import type { Ending } from '../ending.ts';
import { EvidenceFile } from '../evidence/evidence-file.ts';
import { firstAbort } from '../first-abort.ts';
import type { HeldRun, RunEnd } from '../held-run.ts';
import { contentOfBytes } from '../../masking/content-of-bytes.ts';
import type { Content } from '../../masking/scan-content.ts';
import { messageOf } from '../message-of.ts';
import type { DepositSource, JobContext, JobHandler, JobResult } from './job-handler.ts';

/** How a handler ended: it returned, it threw, or it was still running `graceMs` after its signal aborted. */
type FunctionEnd =
  | { readonly kind: 'returned'; readonly result: JobResult }
  | { readonly kind: 'threw'; readonly error: unknown }
  | { readonly kind: 'still-running' };

/**
 * Runs a handler for a job. A function cannot be killed. So if the handler has not ended `graceMs` after its signal
 * aborted, the worker does not wait for it any longer.
 */
export async function runFunctionJob(
  run: HeldRun,
  handler: JobHandler,
  timeoutMs: number | undefined,
): Promise<RunEnd> {
  const { worker, job, milestones } = run;
  const timeOver = new AbortController();
  const cancelTimeout =
    timeoutMs === undefined ? () => undefined : worker.clock.after(timeoutMs, () => timeOver.abort(overdue(timeoutMs)));
  const stop = firstAbort([run.stop, timeOver.signal]);
  const ended = new AbortController();
  try {
    milestones.note({ message: 'The handler was started.', payload: { attempt: job.attempt } });
    const end = await endOf(run, handler, contextOf(run, stop.signal, ended.signal), stop.signal);
    run.lost.throwIfAborted();
    return { ending: endingOf(run, end, timeOver.signal), logTail: '' };
  } finally {
    ended.abort();
    cancelTimeout();
    stop.release();
  }
}

async function endOf(
  { worker, job }: HeldRun,
  handler: JobHandler,
  context: JobContext,
  stop: AbortSignal,
): Promise<FunctionEnd> {
  if (stop.aborted) return { kind: 'threw', error: stop.reason };
  const graceOver = new AbortController();
  const onStop = (): void => void pause(worker.clock, worker.graceMs, graceOver.signal).then(() => leave());
  let leave = (): void => undefined;
  const left = new Promise<FunctionEnd>((resolve) => (leave = () => resolve({ kind: 'still-running' })));
  // The listener must be registered before the handler is called, because the handler itself may cause the abort.
  stop.addEventListener('abort', onStop, { once: true });
  const ended = (async () => handler(job, context))().then(
    (result): FunctionEnd => ({ kind: 'returned', result: result ?? undefined }),
    (error: unknown): FunctionEnd => ({ kind: 'threw', error }),
  );
  try {
    return await Promise.race([ended, left]);
  } finally {
    stop.removeEventListener('abort', onStop);
    graceOver.abort();
  }
}

function endingOf(run: HeldRun, end: FunctionEnd, timeOver: AbortSignal): Ending {
  const late = end.kind === 'still-running' ? ' It did not stop in time.' : '';
  // If the handler returned a result, the result counts, even if the job was cancelled or the worker stopped meanwhile.
  if (end.kind === 'returned') return returned(end.result, run);
  if (run.cancelled.aborted) {
    return { outcome: 'cancelled', headline: `The handler was ended: the job is cancelled.${late}`, retryable: false };
  }
  if (run.worker.stop.aborted) {
    return { outcome: 'stopped', headline: `The worker was stopped.${late}`, retryable: true };
  }
  const { retryable = false } = run.worker;
  if (timeOver.aborted) return { outcome: 'failed', headline: `${messageOf(timeOver.reason)}${late}`, retryable };
  const error = end.kind === 'threw' ? end.error : new Error('The handler ended in an unknown way.');
  return {
    outcome: 'failed',
    headline: `The handler failed: ${messageOf(error)}`,
    retryable: isAppError(error) ? error.retryable : retryable,
  };
}

function returned(result: JobResult, { worker }: HeldRun): Ending {
  if (result?.status === 'failed') {
    const headline = textOr(result.reason, 'The handler failed without a reason.');
    return { outcome: 'failed', headline, retryable: result.retryable ?? worker.retryable ?? false };
  }
  return { outcome: 'succeeded', headline: textOr(result?.summary, 'The handler ended.'), retryable: false };
}

function textOr(text: string | undefined, usual: string): string {
  return text === undefined || text.trim() === '' ? usual : text.trim();
}

function contextOf(
  { worker, depositor, milestones, cancelled, lost }: HeldRun,
  signal: AbortSignal,
  ended: AbortSignal,
): JobContext {
  const requireRunning = (): void => {
    lost.throwIfAborted();
    if (ended.aborted) throw new AppError('lease_lost', 'The handler has ended: nothing more is written to its job.');
  };
  return {
    signal,
    cancelled,
    lost,
    deposit: async (name, source, about = {}) => {
      requireRunning();
      let artifact: JobArtifact | undefined;
      let failure: unknown;
      const send = async (): Promise<void> => {
        try {
          artifact = await withContent(source, (content) => depositor.upload({ ...about, name }, content));
        } catch (error) {
          failure = error;
          throw error;
        }
      };
      await depositor.attempt(name, send);
      if (artifact === undefined) throw failure as Error;
      return artifact;
    },
    addSecret: (value) => worker.mask?.add(value),
    note: (message, more) => {
      if (!ended.aborted) milestones.note({ ...more, message });
    },
  };
}

async function withContent<T>(source: DepositSource, use: (content: Content) => Promise<T>): Promise<T> {
  if (typeof source === 'function') return use({ read: source });
  if (typeof source === 'object' && 'file' in source) {
    const file = await EvidenceFile.open(source.file);
    try {
      return await use({ read: () => file.read(), random: file });
    } finally {
      await file.close();
    }
  }
  return use(contentOfBytes(typeof source === 'string' ? Buffer.from(source) : source));
}

function overdue(timeoutMs: number): Error {
  return new Error(`The handler ran for longer than ${timeoutMs / 1000} s and was ended.`);
}
