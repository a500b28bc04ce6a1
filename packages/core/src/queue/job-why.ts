import { z } from 'zod';
import { holderOfJob, type JobRecord } from './job.ts';
import { jobStatuses } from './job-status.ts';
import { timeSchema } from '../values/wire-values.ts';

/** A worker with the fields of its last claim. An undefined list means that the worker has no such limit. */
export interface SeenWorker {
  readonly workerId: string;
  readonly lastSeenAt: number;
  /** The capabilities of the worker, in lower case. */
  readonly capabilities: readonly string[];
  readonly types: readonly string[] | undefined;
  readonly repositories: readonly string[] | undefined;
  /** The name and version of the worker's software, for example `proofhouse/0.1.0`. */
  readonly version: string | undefined;
}

/**
 * The requirements of a job that a worker does not meet. If all fields are empty or undefined, the worker may claim the
 * job.
 */
export interface Shortfall {
  readonly capabilities: readonly string[];
  readonly type: string | undefined;
  readonly repository: string | undefined;
}

/** Returns the requirements of a job that a worker does not meet, by the same rules as a claim. */
export function shortfall(
  job: Pick<JobRecord, 'type' | 'repository' | 'requiredCapabilities'>,
  worker: Pick<SeenWorker, 'capabilities' | 'types' | 'repositories'>,
): Shortfall {
  const { repositories, types } = worker;
  const foreign = repositories !== undefined && (job.repository === null || !repositories.includes(job.repository));
  return {
    capabilities: job.requiredCapabilities.filter((capability) => !worker.capabilities.includes(capability)),
    type: types === undefined || types.includes(job.type) ? undefined : job.type,
    repository: foreign ? (job.repository ?? 'none') : undefined,
  };
}

/** Returns the number of unmet requirements; 0 if the worker may claim the job. */
export function distanceOf(lacks: Shortfall): number {
  return lacks.capabilities.length + (lacks.type === undefined ? 0 : 1) + (lacks.repository === undefined ? 0 : 1);
}

export const whySchema = z
  .object({
    jobId: z.string(),
    status: z.enum(jobStatuses),
    summary: z.string().meta({ description: 'One sentence for people.' }),
    heldBy: z.string().nullable().meta({ description: 'The worker that a running job is held by.' }),
    notBefore: timeSchema.nullable().meta({ description: 'The end of its delay, while it has one.' }),
    position: z.int().nullable().meta({
      description: 'How many ready jobs of the same route come first; at most 1000 are counted. Null unless ready.',
    }),
    unmet: z.array(z.string()).meta({
      description: 'Requirements that no worker seen lately meets: `capability:x`, `type:x`, `repository:x`.',
    }),
    eligibleWorkers: z.array(z.string()).meta({ description: 'Workers seen lately that may have it, while it waits.' }),
    nearWorkers: z
      .array(
        z.object({
          workerId: z.string(),
          lastSeenAt: timeSchema,
          lacks: z.array(z.string()).meta({
            description: 'As in `unmet`; `repository:none`: it is limited to repositories, and the job has none.',
          }),
        }),
      )
      .meta({ description: 'Workers seen lately that nearly match, nearest first, at most 10.' }),
  })
  .meta({ id: 'Why' });
export type Why = z.infer<typeof whySchema>;

/**
 * A worker counts as recently seen if it sent a claim or a heartbeat within this time (ms). Only such workers are
 * listed, and compared with a job in `why`.
 */
export const seenLatelyMs = 10 * 60 * 1000;
export const maxCountedPosition = 1000;

/**
 * Returns the explanation why a job waits at `now` (epoch ms). `ahead` is the number of claimable jobs of the same
 * route that precede the job in claim order.
 */
export function explainWait(job: JobRecord, workers: readonly SeenWorker[], ahead: number, now: number): Why {
  // Workers are compared only with a queued job. A running or ended job needs no other worker.
  const candidates = job.status === 'queued' ? workers : [];
  const compared = candidates.map((worker) => ({ worker, lacks: shortfall(job, worker) }));
  const eligible = compared.filter(({ lacks }) => distanceOf(lacks) === 0).map(({ worker }) => worker.workerId);
  const near = compared
    .filter(({ lacks }) => distanceOf(lacks) > 0)
    .sort((a, b) => distanceOf(a.lacks) - distanceOf(b.lacks) || b.worker.lastSeenAt - a.worker.lastSeenAt)
    .slice(0, 10);
  const delayedUntil = job.status === 'queued' && (job.nextAttemptAt ?? 0) > now ? job.nextAttemptAt : null;
  const delayed = delayedUntil !== null;
  const ready = job.status === 'queued' && !delayed;
  const unmet = ready || delayed ? unmetByAll(job, compared) : [];
  const allLimited = job.repository === null && compared.every(({ lacks }) => lacks.repository !== undefined);
  return {
    jobId: job.id,
    status: job.status,
    summary: summarize(job, { delayed, ahead, eligible: eligible.length, seen: workers.length, unmet, allLimited }),
    heldBy: holderOfJob(job),
    notBefore: delayedUntil === null ? null : new Date(delayedUntil).toISOString(),
    position: ready ? ahead : null,
    unmet,
    eligibleWorkers: eligible.slice(0, 100),
    nearWorkers: near.map(({ worker, lacks }) => ({
      workerId: worker.workerId,
      lastSeenAt: new Date(worker.lastSeenAt).toISOString(),
      lacks: listOf(lacks),
    })),
  };
}

function listOf(lacks: Shortfall): string[] {
  return [
    ...(lacks.type === undefined ? [] : [`type:${lacks.type}`]),
    ...(lacks.repository === undefined ? [] : [`repository:${lacks.repository}`]),
    ...lacks.capabilities.map((capability) => `capability:${capability}`),
  ];
}

/** Returns a text for one entry of `lacks` or `unmet`. */
export function lackInWords(lack: string): string {
  return lack === 'repository:none' ? 'leave for jobs without a repository' : lack.replace(':', ' ');
}

/** Returns the requirements of the job that no worker meets. If there are no workers, these are all requirements. */
function unmetByAll(job: JobRecord, compared: readonly { readonly lacks: Shortfall }[]): string[] {
  const all = [
    `type:${job.type}`,
    ...(job.repository === null ? [] : [`repository:${job.repository}`]),
    ...job.requiredCapabilities.map((capability) => `capability:${capability}`),
  ];
  return all.filter((requirement) => compared.every(({ lacks }) => listOf(lacks).includes(requirement)));
}

function summarize(
  job: JobRecord,
  seen: {
    delayed: boolean;
    ahead: number;
    eligible: number;
    seen: number;
    unmet: readonly string[];
    /** True if every worker is limited to some repositories and the job has no repository. */
    allLimited: boolean;
  },
): string {
  if (job.status === 'running') return `It runs: ${holderOfJob(job) ?? 'a worker'} holds it.`;
  if (job.status !== 'queued') return `It does not wait: it is ${job.status}.`;
  if (seen.delayed) return 'It is delayed until its time comes.';
  if (seen.seen === 0) return 'No worker was seen lately.';
  if (seen.eligible === 0 && seen.unmet.length > 0) {
    return `No worker seen lately offers ${seen.unmet.map(lackInWords).join(', ')}.`;
  }
  if (seen.eligible === 0 && seen.allLimited) return 'No worker seen lately takes jobs without a repository.';
  if (seen.eligible === 0) return 'Every worker seen lately lacks something that it requires.';
  if (seen.ahead === 1) return '1 job like it comes first.';
  if (seen.ahead > 1) return `${numberOf(seen.ahead)} jobs like it come first.`;
  return 'It is next; the workers that may have it are busy or between two claims.';
}

function numberOf(ahead: number): string {
  return ahead < maxCountedPosition ? String(ahead) : `${String(ahead)} or more`;
}
