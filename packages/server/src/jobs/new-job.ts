import {
  AppError,
  decodePayload,
  fieldError,
  fitsBytes,
  maxPayloadBytes,
  newJobState,
  normalizeCapabilities,
  utf8Bytes,
  type JobPayload,
  type JobRecord,
  type JobType,
  type SecretFindings,
} from '@proofhouse/core';

export interface NewJob {
  readonly type: string;
  readonly priority: number;
  readonly payload: JobPayload;
  readonly affinityKey?: string | null | undefined;
  readonly maxAttempts: number;
  readonly requiredCapabilities?: readonly string[] | null | undefined;
  readonly taskId?: string | null | undefined;
  readonly bundleId?: string | null | undefined;
  readonly notBefore?: string | null | undefined;
}

/** The record of a new job, which is not checked for secrets yet. */
export interface UncheckedJob {
  readonly job: JobRecord;
  /** The payload of the job as JSON. */
  readonly payloadText: string;
}

/**
 * Returns the record of a new job. `type` must be the job type that `input.type` names. Throws `invalid_request` and
 * the errors of `type.errors`.
 */
export function newJobRecord(
  input: NewJob,
  type: JobType,
  made: { readonly id: string; readonly by: string; readonly now: number },
): UncheckedJob {
  const { payload, ...fields } = decodePayload(type, input.payload);
  for (const field of ['taskId', 'bundleId'] as const) {
    if (input[field] != null) throw fieldError(field, 'this server has no tasks and bundles yet');
  }
  const payloadText = JSON.stringify(payload);
  checkSize(payloadText);
  const notBefore = input.notBefore == null ? null : Date.parse(input.notBefore);
  const job: JobRecord = {
    ...newJobState,
    id: made.id,
    type: type.name,
    category: type.category,
    priority: input.priority,
    payload,
    requiredCapabilities: requiredCapabilitiesOf(input, fields.requiredCapabilities),
    repository: fields.repository ?? null,
    affinityKey: input.affinityKey ?? null,
    createdBy: made.by,
    taskId: null,
    bundleId: null,
    parentJobId: null,
    manifestName: fields.manifestName ?? null,
    nextAttemptAt: notBefore !== null && notBefore > made.now ? notBefore : null,
    maxAttempts: input.maxAttempts,
    createdAt: made.now,
    updatedAt: made.now,
  };
  return { job, payloadText };
}

/** Returns the record of a job that was checked for secrets. */
export function withFindings({ job }: UncheckedJob, findings: SecretFindings | null): JobRecord {
  return findings === null ? job : { ...job, findings };
}

/**
 * Returns the capabilities that the job requires: those of the field `requiredCapabilities`, or those that the job type
 * computed from the payload (`ofPayload`). If both are given, they must contain the same capabilities, and the order of
 * the field is kept. Throws `invalid_request` when they differ.
 */
function requiredCapabilitiesOf(
  { requiredCapabilities }: NewJob,
  ofPayload: readonly string[] | undefined,
): readonly string[] {
  const field = normalizeCapabilities(requiredCapabilities ?? []);
  if (ofPayload === undefined || requiredCapabilities == null) return ofPayload ?? field;
  if (field.toSorted().join() === ofPayload.toSorted().join()) return field;
  const errors = ['requiredCapabilities', 'payload.requiredCapabilities'].map((path) => ({
    path,
    message: 'names other capabilities than the other of the two',
  }));
  throw new AppError(
    'invalid_request',
    'requiredCapabilities and payload.requiredCapabilities differ: give one of them, or the same list in both.',
    { errors },
  );
}

function checkSize(payloadText: string): void {
  if (fitsBytes(payloadText, maxPayloadBytes)) return;
  const size = String(utf8Bytes(payloadText));
  throw fieldError('payload', `is ${size} bytes of JSON; at most ${String(maxPayloadBytes)} are kept`);
}
