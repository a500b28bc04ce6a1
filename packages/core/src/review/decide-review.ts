import { may } from '../access.ts';
import { AppError } from '../app-error.ts';
import { checksumOf } from '../artifacts/artifact-content.ts';
import type { HistoryRecord } from '../artifacts/artifact-history.ts';
import { artifactToJson, type ArtifactRecord, type ArtifactStatus } from '../artifacts/artifact.ts';
import { actorOf } from '../people/actor.ts';
import type { Principal } from '../principal.ts';
import type { ReviewComment } from './review-comment.ts';
import { requireMove, statusMoves } from './status-moves.ts';

/** A requested move of the status of an artifact. */
export interface ReviewMove {
  readonly to: ArtifactStatus;
  readonly note?: string | null | undefined;
  readonly comments?: readonly ReviewComment[] | null | undefined;
  /** The digest that the caller has seen. Null: the content has no known digest. Undefined: the caller did not say. */
  readonly digest?: string | null | undefined;
  readonly expectedVersion?: number | undefined;
}

export interface ReviewSettings {
  /** True if the creator of an artifact may not approve it (`PROOFHOUSE_DISTINCT_REVIEWER`). */
  readonly distinctReviewer: boolean;
}

export interface DecidedReview {
  readonly artifact: ArtifactRecord;
  /** The entry of the history that must be written in the commit of the move. */
  readonly entry: Omit<HistoryRecord, 'id'>;
}

/**
 * Decides a move of the status. `now` is in epoch ms. A move that stamps sets reviewedBy, reviewedAt, reviewedDigest and
 * reviewNote. The stamped digest is null for a pointer without checksum.
 *
 * Errors, in this order: `version_conflict` (with the present record), `forbidden`, `review_conflict`.
 */
export function decideReview(
  before: ArtifactRecord,
  move: ReviewMove,
  principal: Principal,
  now: number,
  settings: ReviewSettings,
): DecidedReview {
  requireVersion(before, move.expectedVersion);
  requireDigest(before, move.digest);
  const at = Math.max(now, before.updatedAt + 1);
  const { artifact, entry } = moved(before, move, principal, at, settings);
  return { artifact: { ...artifact, version: before.version + 1, updatedAt: at }, entry };
}

/** Returns the record after the move, with its version unchanged. Errors: `forbidden`, `review_conflict`. */
export function moved(
  before: ArtifactRecord,
  { to, note = null, comments = null }: Pick<ReviewMove, 'to' | 'note' | 'comments'>,
  principal: Principal,
  at: number,
  { distinctReviewer }: ReviewSettings,
): DecidedReview {
  const { id: artifactId, status: from } = before;
  const decision = requireMove(from, to, principal);
  const { right, stamps } = statusMoves[decision];
  if (!may(principal, right)) throw new AppError('forbidden', `This caller may not ${decision} an artifact.`);
  const actor = actorOf(principal);
  if (decision === 'approve' && distinctReviewer && before.createdBy === actor) {
    throw new AppError('forbidden', `Artifact ${artifactId} must be approved by somebody who did not make it.`);
  }
  const digest = checksumOf(before.content);
  const stamp = { reviewedBy: actor, reviewedAt: at, reviewedDigest: digest, reviewNote: note };
  return {
    artifact: { ...before, ...(stamps ? stamp : {}), status: to },
    entry: { artifactId, at, actor, decision, from, to, digest, note, comments },
  };
}

/** Throws `version_conflict` if the record does not have the expected version. */
export function requireVersion(artifact: ArtifactRecord, expected: number | undefined): void {
  if (expected === undefined || expected === artifact.version) return;
  throw versionConflict(artifact, `is at version ${String(artifact.version)}, not ${String(expected)}`);
}

/** Returns the error for a decision about an earlier state of the record. It contains the present record. */
export function versionConflict(artifact: ArtifactRecord, message: string): AppError {
  return new AppError('version_conflict', `Artifact ${artifact.id} ${message}: look at it again.`, {
    details: { artifact: artifactToJson(artifact) },
  });
}

function requireDigest(artifact: ArtifactRecord, seen: string | null | undefined): void {
  const digest = checksumOf(artifact.content);
  if (seen === undefined || seen === digest) return;
  throw versionConflict(artifact, `has ${digest === null ? 'no checksum' : `the digest ${digest}`}, not the given one`);
}
