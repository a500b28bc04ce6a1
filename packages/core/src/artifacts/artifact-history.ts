import { z } from 'zod';
import { reviewCommentSchema, type ReviewComment } from '../review/review-comment.ts';
import { actorToJson } from '../people/actor.ts';
import { timeSchema, uuidSchema } from '../values/wire-values.ts';
import { artifactStatuses, type ArtifactStatus } from './artifact.ts';

/**
 * One entry in the history of an artifact. It is written in the commit of the change, and is never changed or deleted.
 */
export interface HistoryRecord {
  readonly id: string;
  readonly artifactId: string;
  /**
   * Time of the change, epoch ms. The times of the entries of one artifact always ascend, even if the clocks of servers
   * differ.
   */
  readonly at: number;
  readonly actor: string;
  /**
   * The move of a change of the status (`Decision` in `status-moves.ts`). `replace` for a change of the URI or checksum of
   * a pointer.
   */
  readonly decision: string;
  readonly from: ArtifactStatus;
  /** Equal to `from` if only the content changed. */
  readonly to: ArtifactStatus;
  /** Digest of the content after the change. Null if it is not known. */
  readonly digest: string | null;
  readonly note: string | null;
  readonly comments: readonly ReviewComment[] | null;
}

/** Schema of a history entry in answers of /api. */
export const historyEntrySchema = z
  .object({
    id: uuidSchema,
    at: timeSchema,
    actor: z.string(),
    decision: z
      .string()
      .meta({ description: 'The move, such as `submit`; `replace`: the content of a pointer changed.' }),
    from: z.enum(artifactStatuses),
    to: z.enum(artifactStatuses),
    digest: z.string().nullable().meta({ description: 'Of the content after the change.' }),
    note: z.string().nullable(),
    comments: z.array(reviewCommentSchema),
  })
  .meta({ id: 'HistoryEntry' });
export type HistoryEntry = z.infer<typeof historyEntrySchema>;

export function historyToJson(entry: HistoryRecord): HistoryEntry {
  const { id, at, actor, decision, from, to, digest, note, comments } = entry;
  return {
    id,
    at: new Date(at).toISOString(),
    actor: actorToJson(actor),
    decision,
    from,
    to,
    digest,
    note,
    comments: [...(comments ?? [])],
  };
}
