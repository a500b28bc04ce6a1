/**
 * One row of the error table, which lists every error in an answer of Proofhouse. The row determines the HTTP status,
 * the problem type on /v0, the exit code of the command, and whether a retry can help. Other code must not branch on
 * status numbers. A new error needs a new row here and a line in docs/reference/errors.md. A test compares the rows
 * with the lines.
 */
export interface ErrorRow {
  /** HTTP status of the answer (RFC 9110). */
  readonly http: number;
  /** Problem type on /v0, without the prefix `eden://error/`. */
  readonly wireType: WireType;
  /** Exit code of the `proofhouse` command. */
  readonly exit: ExitCode;
  /** True if the same call, unchanged, can succeed later. */
  readonly retryable: boolean;
  /** The `title` of the problem document: one sentence that says what happened. */
  readonly sentence: string;
}

/**
 * The closed list of problem types on /v0. `null` marks an error without a type in this list. Its answer has the HTTP
 * status of its row and the type `about:blank` (RFC 9457 section 4.2.1).
 */
export type WireType =
  | 'bad-request'
  | 'experiment-id-mismatch'
  | 'unauthorized'
  | 'forbidden'
  | 'not-found'
  | 'payload-too-large'
  | 'already-exists'
  | 'reserved-identifier'
  | 'cycle-detected'
  | 'invalid-name'
  | null;

/**
 * Exit codes of the `proofhouse` command, except 0 (success). 1: failed. 2: wrong call. 3: not allowed. 4: not found.
 * 5: conflict with the current state. 6: failure of the server or the connection, so a retry can help.
 */
export type ExitCode = 1 | 2 | 3 | 4 | 5 | 6;

const row = (http: number, wireType: WireType, exit: ExitCode, retryable: boolean, sentence: string): ErrorRow => ({
  http,
  wireType,
  exit,
  retryable,
  sentence,
});

export const errorTable = {
  invalid_request: row(422, 'bad-request', 2, false, 'A field of the request is missing, unknown or not allowed.'),
  bad_request: row(400, 'bad-request', 2, false, 'The request cannot be parsed.'),
  invalid_cursor: row(400, 'bad-request', 2, false, 'The cursor is malformed or belongs to another list.'),
  experiment_id_mismatch: row(
    400,
    'experiment-id-mismatch',
    2,
    false,
    'The experiment of the request is missing, unknown or not the one in its path.',
  ),
  unauthenticated: row(401, 'unauthorized', 3, false, 'A valid credential is required.'),
  forbidden: row(403, 'forbidden', 3, false, 'The credential does not allow this.'),
  worker_not_authorized: row(403, 'forbidden', 3, false, 'The worker may not do this.'),
  not_found: row(404, 'not-found', 4, false, 'There is nothing at this address.'),
  job_not_found: row(404, 'not-found', 4, false, 'The job does not exist.'),
  artifact_not_found: row(404, 'not-found', 4, false, 'The artifact does not exist.'),
  experiment_not_found: row(404, 'not-found', 4, false, 'The experiment does not exist.'),
  user_not_found: row(404, 'not-found', 4, false, 'The user does not exist.'),
  manifest_not_found: row(404, 'not-found', 4, false, 'The manifest does not exist.'),
  task_not_found: row(404, 'not-found', 4, false, 'The task does not exist.'),
  bundle_not_found: row(404, 'not-found', 4, false, 'The bundle does not exist.'),
  file_not_found: row(404, 'not-found', 4, false, 'The file does not exist.'),
  artifact_job_mismatch: row(409, 'bad-request', 5, false, 'The artifact belongs to another job.'),
  job_state_conflict: row(409, 'bad-request', 5, false, 'The job is not in a state that allows this.'),
  job_ownership_mismatch: row(409, 'bad-request', 5, false, 'The job is held by another worker.'),
  lease_lost: row(409, 'bad-request', 5, false, 'The lease on the job has ended.'),
  gate_blocked: row(409, 'bad-request', 5, false, 'The task lacks proof and cannot be completed.'),
  review_conflict: row(409, 'bad-request', 5, false, 'The review status does not allow this decision.'),
  version_conflict: row(409, null, 5, false, 'The record has changed since it was read.'),
  last_admin: row(409, null, 5, false, 'The last enabled user with the role admin must keep it.'),
  already_exists: row(409, 'already-exists', 5, false, 'A record with this identity exists already.'),
  reserved_identifier: row(409, 'reserved-identifier', 5, false, 'The name is reserved.'),
  cycle_detected: row(409, 'cycle-detected', 5, false, 'The group would become a member of itself.'),
  idempotency_conflict: row(409, 'already-exists', 5, false, 'The idempotency key was used for another request.'),
  not_owned: row(409, 'bad-request', 5, false, 'The bytes of this artifact are kept elsewhere.'),
  artifact_expired: row(410, 'not-found', 4, false, 'The bytes of this artifact have been removed by retention.'),
  request_timeout: row(408, null, 6, true, 'The request body came too slowly.'),
  precondition_failed: row(412, null, 5, false, 'What is there now does not meet the conditions of the request.'),
  artifact_too_large: row(413, 'payload-too-large', 2, false, 'The artifact is larger than the limit.'),
  body_too_large: row(413, 'payload-too-large', 2, false, 'The request body is larger than the limit.'),
  unsupported_media_type: row(415, 'bad-request', 2, false, 'The content type of the request is not accepted here.'),
  range_not_satisfiable: row(416, null, 2, false, 'The range lies outside the artifact.'),
  invalid_name: row(422, 'invalid-name', 2, false, 'The name is not allowed.'),
  invalid_artifact_name: row(422, 'bad-request', 2, false, 'The artifact name is not allowed.'),
  invalid_digest: row(422, 'bad-request', 2, false, 'The digest is not written as a sha256 digest.'),
  digest_mismatch: row(422, 'bad-request', 2, false, 'The bytes do not have the given digest.'),
  storage_policy: row(422, 'bad-request', 2, false, 'The storage policy does not allow this.'),
  secret_found: row(422, null, 2, false, 'The request contains a secret.'),
  invalid_manifest: row(422, 'bad-request', 2, false, 'The manifest is not valid.'),
  invalid_manifest_job: row(422, 'bad-request', 2, false, 'The manifest job is not valid.'),
  unsupported_filter: row(422, 'bad-request', 2, false, 'These filters cannot be combined.'),
  too_busy: row(429, null, 6, true, 'The server has too much to do.'),
  internal: row(500, null, 6, true, 'The server failed.'),
  integrity_failure: row(500, null, 6, false, 'The stored bytes are not those that were deposited.'),
  unsupported: row(501, null, 6, false, 'This deployment cannot do this.'),
  unavailable: row(503, null, 6, true, 'A part of the server cannot be reached.'),
  storage_full: row(507, null, 6, true, 'There is no room left to store this.'),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;

export const errorCodes = Object.keys(errorTable) as ErrorCode[];

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(errorTable, value);
}
