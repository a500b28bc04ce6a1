import type { JobEventDraft, JobFinish } from '@proofhouse/core';
import { checkedList, type CheckedText } from '../secrets/checked-text.ts';
import type { ClaimCall } from './job-claims.ts';
import type { NewJob, UncheckedJob } from './new-job.ts';

/**
 * Returns the texts of a new job that the scanner checks for secrets. Capabilities are taken from the request
 * (`input`), because the record has them in lower case. `at` is the path of the job in the request.
 */
export function textsOfJob({ job, payloadText }: UncheckedJob, input: NewJob, at = ''): CheckedText[] {
  const { affinityKey } = job;
  return [
    { field: 'payload', text: payloadText, path: `${at}payload` },
    ...(affinityKey === null ? [] : [{ field: 'affinityKey', text: affinityKey, path: `${at}affinityKey` }]),
    ...checkedList('requiredCapabilities', input.requiredCapabilities, at),
  ];
}

/**
 * Returns the id of the worker and the texts of its claim that are stored for the list of workers. The scanner checks
 * them for secrets.
 */
export function textsOfClaim(workerId: string, { workerCapabilities }: ClaimCall, version = ''): CheckedText[] {
  return [
    { field: 'workerId', text: workerId },
    ...checkedList('workerCapabilities', workerCapabilities),
    { field: 'version', text: version, path: 'user-agent' },
  ];
}

/**
 * Returns the texts of a worker's event that the scanner checks for secrets. `at` is the path of the event in the
 * request.
 */
export function textsOfEvent({ message, payload }: JobEventDraft, at = ''): CheckedText[] {
  return [
    { field: 'message', text: message, path: `${at}message` },
    ...(payload === undefined ? [] : [{ field: 'payload', text: JSON.stringify(payload), path: `${at}payload` }]),
  ];
}

/**
 * Returns the texts at the end of an attempt that the scanner checks for secrets. These are the text of `field` (such
 * as an error message) and the fields that describe the end.
 */
export function textsOfEnding(field: string, text: string | null, finish: JobFinish | null): CheckedText[] {
  const { outcomeCode = null, outcomeStage = null, outcomeReason = null, summary = null } = finish ?? {};
  const texts = {
    [field]: text,
    finishOutcomeCode: outcomeCode,
    finishOutcomeStage: outcomeStage,
    finishOutcomeReason: outcomeReason,
    finishSummary: typeof summary === 'object' && summary !== null ? JSON.stringify(summary) : summary,
  };
  return Object.entries(texts).flatMap(([name, value]) => (value === null ? [] : [{ field: name, text: value }]));
}
