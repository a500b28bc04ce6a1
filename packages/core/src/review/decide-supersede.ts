import { AppError, fieldError } from '../app-error.ts';
import { checksumOf } from '../artifacts/artifact-content.ts';
import type { HistoryRecord } from '../artifacts/artifact-history.ts';
import type { ArtifactRecord } from '../artifacts/artifact.ts';
import { actorOf } from '../people/actor.ts';
import type { Principal } from '../principal.ts';
import { decideReview, type DecidedReview, type ReviewMove, type ReviewSettings } from './decide-review.ts';

export interface DecidedSupersede {
  readonly old: DecidedReview;
  readonly replacement: { readonly artifact: ArtifactRecord; readonly entry: Omit<HistoryRecord, 'id'> };
}

/**
 * Decides that `replacement` takes the place of the approved artifact `old`. The history of each names the other, and
 * the digest of the old one becomes the `previousDigest` of its replacement. Errors: those of `decideReview`,
 * `invalid_request` (both are the same artifact), `review_conflict` (the replacement is rejected, archived or superseded).
 */
export function decideSupersede(
  old: ArtifactRecord,
  replacement: ArtifactRecord,
  move: Omit<ReviewMove, 'to'>,
  principal: Principal,
  now: number,
  settings: ReviewSettings,
): DecidedSupersede {
  if (old.id === replacement.id) throw fieldError('by', 'must be another artifact');
  const note = `by: ${replacement.id}${move.note == null ? '' : `\n${move.note}`}`;
  const decided = decideReview(old, { ...move, note, to: 'superseded' }, principal, now, settings);
  const { id: artifactId, status, version, updatedAt } = replacement;
  if (status === 'rejected' || status === 'archived' || status === 'superseded') {
    throw new AppError('review_conflict', `Artifact ${artifactId} is ${status} and replaces no other.`, {
      errors: [{ path: 'by', message: `is ${status}` }],
    });
  }
  const at = Math.max(now, updatedAt + 1);
  const linked = { ...replacement, previousDigest: checksumOf(old.content), version: version + 1, updatedAt: at };
  return {
    old: decided,
    replacement: {
      artifact: linked,
      entry: {
        ...{ artifactId, at, actor: actorOf(principal), decision: 'replaces', from: status, to: status },
        ...{ digest: checksumOf(replacement.content), note: `the artifact ${old.id}`, comments: null },
      },
    },
  };
}
