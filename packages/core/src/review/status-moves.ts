import type { ArtifactStatus } from '../artifacts/artifact.ts';

/** One allowed change (move) of the status of an artifact. Each move of an artifact is an entry in its history. */
export interface StatusMove {
  /** The name of the move in the history. */
  readonly decision: string;
  readonly from: readonly ArtifactStatus[];
  readonly to: ArtifactStatus;
  /** A worker may make this move on its own artifacts, from these statuses. */
  readonly byWorkerFrom: readonly ArtifactStatus[];
}

/** The table of moves. Any other change of a status is not allowed. */
export const statusMoves = [
  { decision: 'submit', from: ['draft'], to: 'needs-review', byWorkerFrom: ['draft'] },
  { decision: 'withdraw', from: ['needs-review'], to: 'draft', byWorkerFrom: ['needs-review'] },
  {
    decision: 'archive',
    from: ['draft', 'needs-review', 'approved', 'rejected', 'superseded'],
    to: 'archived',
    byWorkerFrom: ['draft'],
  },
] as const satisfies readonly StatusMove[];

/** Returns the move between two statuses, or undefined if the table has none. */
export function statusMove(from: ArtifactStatus, to: ArtifactStatus): StatusMove | undefined {
  return statusMoves.find((move: StatusMove) => move.to === to && move.from.includes(from));
}
