import type { ReviewComment } from '../review/review-comment.ts';
import { findingsUnder, mergedFindings, secretFindings, type SecretFindings } from '../values/secret-findings.ts';
import { newJobState, type JobRecord } from './job.ts';

/** The reason for which the result of a job was rejected. */
export interface Feedback {
  readonly note: string | null;
  readonly comments: readonly ReviewComment[];
}

/**
 * Returns a new job that does the work of `parent` again. It has the payload of the parent with `feedback`, which does not
 * count towards the size of the payload. `findings` are the secrets that were found in the feedback.
 */
export function requeuedJob(
  parent: JobRecord,
  feedback: Feedback,
  findings: SecretFindings | null,
  made: { readonly id: string; readonly by: string; readonly now: number },
): JobRecord {
  return {
    ...parent,
    ...newJobState,
    id: made.id,
    payload: { ...parent.payload, feedback },
    createdBy: made.by,
    parentJobId: parent.id,
    findings: mergedFindings(ofRequest(parent.findings), findingsUnder('payload.feedback.', findings)),
    createdAt: made.now,
    updatedAt: made.now,
  };
}

/** Returns the findings of the fields that the new job takes over, without those of an earlier feedback. */
function ofRequest(findings: SecretFindings | null): SecretFindings | null {
  if (findings === null) return null;
  const isKept = ({ field }: { readonly field: string }): boolean =>
    /^(?:payload|affinityKey|requiredCapabilities)\b/.test(field) && !field.startsWith('payload.feedback.');
  return secretFindings(findings.secrets.filter(isKept), findings.unscanned.filter(isKept), findings.omitted);
}
