import {
  AppError,
  capabilitiesSchema,
  maxPayloadBytes,
  parseFields,
  utf8Bytes,
  type JobPayload,
  type JobRecord,
} from '@proofhouse/core';
import { z } from 'zod';
import { fieldError } from './job-errors.ts';

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

/** A job as it enters the queue. Errors: `invalid_request`, `invalid_manifest_job`. */
export function newJobRecord(input: NewJob, made: { id: string; by: string; now: number }): JobRecord {
  if (input.type === 'manifest') {
    throw new AppError('invalid_manifest_job', 'This server does not take manifest jobs yet.');
  }
  for (const field of ['taskId', 'bundleId'] as const) {
    if (input[field] != null) throw fieldError(field, 'this server has no tasks and bundles yet');
  }
  checkPayload(input.payload);
  const notBefore = input.notBefore == null ? null : Date.parse(input.notBefore);
  return {
    id: made.id,
    type: input.type,
    status: 'queued',
    priority: input.priority,
    payload: input.payload,
    requiredCapabilities: requiredCapabilitiesOf(input),
    repository: repositoryOf(input.payload),
    affinityKey: input.affinityKey ?? null,
    createdBy: made.by,
    parentJobId: null,
    lastClaimedBy: null,
    leaseId: null,
    leaseExpiresAt: null,
    nextAttemptAt: notBefore !== null && notBefore > made.now ? notBefore : null,
    attempt: 1,
    maxAttempts: input.maxAttempts,
    resultSummary: null,
    errorMessage: null,
    finish: null,
    cancelRequestedAt: null,
    cancelRequestedBy: null,
    cancelReason: null,
    startedAt: null,
    attemptStartedAt: null,
    finishedAt: null,
    endedBy: null,
    // Its `queued` event is written with it.
    lastSeq: 1,
    version: 1,
    createdAt: made.now,
    updatedAt: made.now,
  };
}

const inPayload = z.object({ requiredCapabilities: capabilitiesSchema.nullish() });

/**
 * The field, or the list of the same name in the payload: producers that know the payload alone name it there. Both may be
 * given when they name the same capabilities. Errors: `invalid_request`.
 */
function requiredCapabilitiesOf({ requiredCapabilities, payload }: NewJob): string[] {
  const given = { requiredCapabilities: payload['requiredCapabilities'] };
  const named = parseFields(inPayload, given, 'payload.').requiredCapabilities;
  const [field, ofPayload] = [capabilityList(requiredCapabilities ?? []), capabilityList(named ?? [])];
  if (named == null || requiredCapabilities == null) return named == null ? field : ofPayload;
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

/** Lower case, without repeats, the first one stays in its place: how capabilities are kept. */
function capabilityList(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => name.trim().toLowerCase()))];
}

function checkPayload(payload: JobPayload): void {
  const size = utf8Bytes(JSON.stringify(payload));
  if (size > maxPayloadBytes) {
    throw fieldError('payload', `is ${String(size)} bytes of JSON; at most ${String(maxPayloadBytes)} are kept`);
  }
}

function repositoryOf(payload: JobPayload): string | null {
  const repository = payload['repository'];
  if (repository === undefined || repository === null) return null;
  // eslint-disable-next-line no-control-regex -- finding control characters is the point.
  const usable = typeof repository === 'string' && /^[^\u0000-\u001f\u007f]{1,255}$/.test(repository.trim());
  if (!usable) throw fieldError('payload.repository', 'must be a text of 1 to 255 characters');
  return repository.trim();
}
