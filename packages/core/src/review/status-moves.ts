import { AppError } from '../app-error.ts';
import type { ArtifactStatus } from '../artifacts/artifact.ts';
import type { Principal } from '../principal.ts';

/** A kind of change (move) of the status of an artifact. Each move of an artifact is an entry in its history. */
export interface StatusMove {
  /** The right that the caller needs. */
  readonly right: 'artifact.update' | 'artifact.review';
  /** True if the move stamps the reviewer, the time, the digest and the note into the record. */
  readonly stamps: boolean;
  /** A worker may make this move on its own artifacts, from these statuses. */
  readonly byWorkerFrom: readonly ArtifactStatus[];
}

/** The moves by their name, which is `decision` in the history. */
export const statusMoves = {
  submit: { right: 'artifact.update', stamps: false, byWorkerFrom: ['draft'] },
  withdraw: { right: 'artifact.update', stamps: false, byWorkerFrom: ['needs-review'] },
  approve: { right: 'artifact.review', stamps: true, byWorkerFrom: [] },
  reject: { right: 'artifact.review', stamps: true, byWorkerFrom: [] },
  undo: { right: 'artifact.review', stamps: false, byWorkerFrom: [] },
  resubmit: { right: 'artifact.update', stamps: false, byWorkerFrom: [] },
  supersede: { right: 'artifact.review', stamps: false, byWorkerFrom: [] },
  archive: { right: 'artifact.update', stamps: false, byWorkerFrom: ['draft'] },
  restore: { right: 'artifact.update', stamps: false, byWorkerFrom: [] },
} as const satisfies Readonly<Record<string, StatusMove>>;
export type Decision = keyof typeof statusMoves;

/** For each status before (row) and each status after, the move between them. Null: the change is not allowed. */
// prettier-ignore
export const moveTable: Readonly<Record<ArtifactStatus, Readonly<Record<ArtifactStatus, Decision | null>>>> = {
  draft:          { draft: null,       'needs-review': 'submit',   approved: 'approve', rejected: 'reject', archived: 'archive', superseded: null },
  'needs-review': { draft: 'withdraw', 'needs-review': null,       approved: 'approve', rejected: 'reject', archived: 'archive', superseded: null },
  approved:       { draft: null,       'needs-review': 'undo',     approved: null,      rejected: 'reject', archived: 'archive', superseded: 'supersede' },
  rejected:       { draft: null,       'needs-review': 'resubmit', approved: null,      rejected: null,     archived: 'archive', superseded: null },
  archived:       { draft: 'restore',  'needs-review': null,       approved: null,      rejected: null,     archived: null,      superseded: null },
  superseded:     { draft: null,       'needs-review': null,       approved: null,      rejected: null,     archived: 'archive', superseded: null },
};

/**
 * Returns the move between two statuses. Errors: `forbidden` (a move that a worker may not make), `review_conflict` (the
 * table has no such move).
 */
export function requireMove(from: ArtifactStatus, to: ArtifactStatus, principal: Principal): Decision {
  const decision = moveTable[from][to];
  if (principal.kind === 'worker' && (decision === null || !isByWorker(decision, from))) {
    throw new AppError('forbidden', `A worker cannot change an artifact from ${from} to ${to}.`);
  }
  if (decision !== null) return decision;
  throw new AppError('review_conflict', `An artifact cannot change from ${from} to ${to}.`, {
    errors: [{ path: 'status', message: `cannot change from ${from} to ${to}` }],
  });
}

function isByWorker(decision: Decision, from: ArtifactStatus): boolean {
  const { byWorkerFrom }: StatusMove = statusMoves[decision];
  return byWorkerFrom.includes(from);
}
