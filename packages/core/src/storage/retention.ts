import type { ArtifactRecord, ArtifactStatus, ArtifactType } from '../artifacts/artifact.ts';
import { artifactTypes } from '../artifacts/artifact.ts';
import { finalStatuses, type JobStatus } from '../queue/job-status.ts';

/** Number of days that bytes are kept, by artifact type. A type without days never expires. */
export interface RetentionPolicy {
  readonly days: Readonly<Partial<Record<ArtifactType, number>>>;
}

/** Default days when retention is on. */
export const usualRetentionDays: RetentionPolicy['days'] = { diff: 30, log: 7, 'test-result': 14 };

/** Statuses without an approval. Approved artifacts and those under review are kept. */
const expiringStatuses: readonly ArtifactStatus[] = ['draft', 'rejected', 'superseded', 'archived'];

const dayMs = 86_400_000;
const mostDays = 36_500;

/** The fields of the artifact's job that the rule needs. */
export interface RetentionJob {
  readonly status: JobStatus;
  readonly finishedAt: number | null;
}

export interface RetentionVerdict {
  readonly expires: boolean;
  /** One sentence for operators: why the bytes were removed, or why not. */
  readonly reason: string;
}

/**
 * Decides whether the bytes of an artifact have expired. Only unpinned drafts and rejected, superseded or archived
 * artifacts of final jobs expire, when they and the end of their job are older than the days of their type. An artifact
 * with `protectedBy` (the task that it closed) never expires, nor does a deposit without a job.
 */
export function retentionVerdict(
  artifact: Pick<ArtifactRecord, 'type' | 'status' | 'jobId' | 'pinnedAt' | 'purgedAt' | 'createdAt'>,
  job: RetentionJob | undefined,
  policy: RetentionPolicy,
  now: number,
  protectedBy?: string,
): RetentionVerdict {
  const { type, status } = artifact;
  if (artifact.purgedAt !== null) return kept('Its bytes are gone already.');
  if (artifact.pinnedAt !== null) return kept('It is pinned.');
  if (protectedBy !== undefined) return kept(`It is proof: ${protectedBy}.`);
  const days = policy.days[type];
  if (days === undefined) return kept(`Artifacts of type ${type} never expire here.`);
  if (!expiringStatuses.includes(status)) return kept(`What is ${status} never expires.`);
  if (artifact.jobId === null) return kept('It was deposited outside of any job.');
  if (job === undefined) return kept('Its job is not known.');
  if (!finalStatuses.includes(job.status)) return kept(`Its job is ${job.status}.`);
  const age = now - Math.max(artifact.createdAt, job.finishedAt ?? artifact.createdAt);
  const limit = `type ${type} is kept for ${daysText(days)}`;
  if (!(age > days * dayMs)) return kept(`It is not old enough: ${limit}.`);
  const passed = Math.floor(age / dayMs);
  return { expires: true, reason: `It is ${status}, and was done with ${daysText(passed)} ago: ${limit}.` };
}

/** Parses `diff=30,log=7`. Returns the days by type, or a sentence with the error. */
export function parseRetentionDays(text: string): RetentionPolicy['days'] | string {
  const days: Partial<Record<ArtifactType, number>> = {};
  for (const part of text.split(',').map((each) => each.trim())) {
    const [, name = '', count = ''] = /^([a-z-]+)\s*=\s*(\d{1,5})$/.exec(part) ?? [];
    const type = artifactTypes.find((known) => known === name);
    if (count === '') return 'must be written as type=days, comma-separated, such as diff=30,log=7';
    if (type === undefined) return `${name} is no artifact type; there are ${artifactTypes.join(', ')}`;
    if (days[type] !== undefined) return `${type} is named twice`;
    if (Number(count) < 1 || Number(count) > mostDays) return `${type} needs 1 to ${String(mostDays)} days`;
    days[type] = Number(count);
  }
  return days;
}

function kept(reason: string): RetentionVerdict {
  return { expires: false, reason };
}

function daysText(days: number): string {
  return days === 1 ? '1 day' : `${String(days)} days`;
}
