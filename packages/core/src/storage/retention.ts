import type { ArtifactRecord, ArtifactStatus, ArtifactType } from '../artifacts/artifact.ts';
import { artifactTypes } from '../artifacts/artifact.ts';
import { finalStatuses, type JobStatus } from '../queue/job-status.ts';

/** The number of days for which bytes are kept, by artifact type. The bytes of a type without a number never expire. */
export interface RetentionPolicy {
  readonly days: Readonly<Partial<Record<ArtifactType, number>>>;
}

/** Default numbers of days, used when retention is on. */
export const usualRetentionDays: RetentionPolicy['days'] = { diff: 30, log: 7, 'test-result': 14 };

/** Statuses of artifacts whose bytes may expire. Approved artifacts and artifacts under review are kept. */
const expiringStatuses: readonly ArtifactStatus[] = ['draft', 'rejected', 'superseded', 'archived'];

const dayMs = 86_400_000;
const mostDays = 36_500;

/** The fields of an artifact's job that `retentionVerdict` needs. */
export interface RetentionJob {
  readonly status: JobStatus;
  readonly finishedAt: number | null;
}

export interface RetentionVerdict {
  readonly expires: boolean;
  /** One sentence for operators, which says why the bytes expire or are kept. */
  readonly reason: string;
}

/**
 * Returns whether the bytes of an artifact have expired at `now` (epoch ms). They have expired if all conditions hold:
 * - the artifact is not pinned, and its status is draft, rejected, superseded or archived;
 * - its bytes are stored here, and its job has a final status;
 * - both the artifact and the end of its job are older than the days of its type.
 *
 * If the artifact closed a task (`protectedBy`), its bytes never expire. The bytes of a deposit without a job never
 * expire either.
 */
export function retentionVerdict(
  artifact: Pick<ArtifactRecord, 'type' | 'status' | 'jobId' | 'content' | 'pinnedAt' | 'purgedAt' | 'createdAt'>,
  job: RetentionJob | undefined,
  policy: RetentionPolicy,
  now: number,
  protectedBy?: string,
): RetentionVerdict {
  const { type, status } = artifact;
  if (artifact.content.kind === 'pointer') return kept('Its bytes are kept elsewhere.');
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

/** Parses a text such as `diff=30,log=7`. Returns the days by artifact type, or an error message if the text is invalid. */
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
