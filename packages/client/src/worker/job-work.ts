import { AppError, type Job } from '@proofhouse/core';
import { runCommandJob } from './command/command-job.ts';
import { requireCommand } from './command/run-command.ts';
import { runFunctionJob } from './handler/function-job.ts';
import type { HeldRun, RunEnd, WorkerParts } from './held-run.ts';
import type { WorkerOptions } from './worker-options.ts';

/** Longest time limit of a job in milliseconds, about 23 days. A longer one would overflow the timer. */
const longestMs = 2_000_000_000;

/**
 * Runs the handler or the command for the type of the job. If the type has neither, runs the command for all other
 * types.
 */
export async function workOn(run: HeldRun): Promise<RunEnd> {
  const { worker, job } = run;
  const timeoutMs = timeLimitOf(job, worker);
  if (timeoutMs === 'invalid') {
    const headline = 'payload.timeoutSeconds must be a number of seconds greater than 0.';
    return { ending: { outcome: 'failed', headline, retryable: false }, logTail: '' };
  }
  const handler = own(worker.handlers, job.type);
  if (handler !== undefined) return runFunctionJob(run, handler, timeoutMs);
  const command = own(worker.commands, job.type) ?? worker.command;
  if (command !== undefined) return runCommandJob(run, command, timeoutMs);
  throw new AppError('unsupported', `This worker has nothing to run for jobs of type ${job.type}.`);
}

/**
 * Returns the time limit in milliseconds: the smaller one of the worker's limit and `payload.timeoutSeconds`. Returns
 * undefined if there is no limit.
 */
function timeLimitOf({ payload }: Pick<Job, 'payload'>, worker: WorkerParts): number | undefined | 'invalid' {
  const seconds = payload['timeoutSeconds'];
  const most = worker.commandTimeoutMs;
  if (seconds === undefined || seconds === null) return most;
  if (typeof seconds !== 'number' || !(seconds > 0)) return 'invalid';
  const limit = Math.min(seconds * 1000, most ?? Infinity);
  return limit > longestMs ? undefined : Math.max(1, limit);
}

/**
 * Returns the job types to claim: `types` if given, else the types with a handler or a command. Returns undefined for
 * all types. Rejects with `invalid_request` in these cases: a type has neither a handler nor a command, a type has
 * both, or a command cannot be found.
 */
export async function requireWork(options: WorkerOptions, cwd: string): Promise<readonly string[] | undefined> {
  const { command, commands = {}, handlers = {}, types, env = {} } = options;
  const known = [...Object.keys(handlers), ...Object.keys(commands)];
  const twice = known.find((type, at) => known.indexOf(type) !== at);
  if (twice !== undefined) throw wrong(`Jobs of type ${twice} have a handler and a command: leave one of them out.`);
  const all = [...Object.values(commands), ...(command === undefined && known.length > 0 ? [] : [command ?? []])];
  for (const one of all) await requireCommand(one, cwd, env['PATH'] ?? '');
  const without = command === undefined ? types?.find((type) => !known.includes(type)) : undefined;
  if (without !== undefined)
    throw wrong(`There is nothing to run for jobs of type ${without}, which are to be claimed.`);
  return types ?? (command === undefined ? known : undefined);
}

function own<Value>(values: Readonly<Record<string, Value>> | undefined, type: string): Value | undefined {
  return values !== undefined && Object.hasOwn(values, type) ? values[type] : undefined;
}

function wrong(message: string): AppError {
  return new AppError('invalid_request', message);
}
