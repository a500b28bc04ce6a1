import { z } from 'zod';
import { digestSchema } from '../artifacts/artifact-input.ts';
import { artifactSchema } from '../artifacts/artifact.ts';
import { problemSchema } from '../problem.ts';
import { utf8Bytes } from '../values/wire-values.ts';
import { linesSchema, type ReviewComment } from './review-comment.ts';

/**
 * Limits of one request: comments, items of a batch, JSON bytes of one comment, and bytes of note and comments together.
 */
export const reviewLimits = { comments: 100, items: 100, commentBytes: 2048, allBytes: 64 * 1024 } as const;

const commentSchema = z
  .strictObject({
    path: linesSchema.min(1).optional().meta({ description: 'A file of the content, such as one of a diff.' }),
    line: z.int().min(1).optional(),
    side: z.enum(['old', 'new']).optional().meta({ description: 'The side of a diff that `line` counts.' }),
    quote: linesSchema.optional(),
    text: linesSchema.min(1),
  })
  .refine(
    (comment) => utf8Bytes(JSON.stringify(comment)) <= reviewLimits.commentBytes,
    `must have at most ${String(reviewLimits.commentBytes)} bytes of JSON`,
  )
  .meta({ id: 'NewReviewComment' });

const seen = {
  digest: digestSchema
    .nullable()
    .optional()
    .meta({ description: 'The digest that the caller has seen; null for content without a checksum.' }),
  expectedVersion: z.int().min(1).optional().meta({ description: 'As the header `If-Match`.' }),
};
const noteSchema = linesSchema.nullish().meta({ description: 'Why. It is stored in the record and in the history.' });
const commentsSchema = z
  .array(commentSchema)
  .max(reviewLimits.comments)
  .nullish()
  .meta({ description: 'At most 100, each at most 2 KiB of JSON; with the note at most 64 KiB.' });

/** Body of a call that moves an artifact and takes a note. */
export const moveSchema = z
  .strictObject({ note: noteSchema, ...seen })
  .refine(isSmall, tooLarge())
  .meta({ id: 'MoveArtifact' });

/** Body of a decision about an artifact. */
export const reviewSchema = z
  .strictObject({ note: noteSchema, comments: commentsSchema, ...seen })
  .refine(isSmall, tooLarge())
  .meta({ id: 'ReviewArtifact' });

/** Body of `rejectArtifact`. */
export const rejectSchema = z
  .strictObject({
    note: noteSchema,
    comments: commentsSchema,
    requeue: z
      .boolean()
      .optional()
      .meta({ description: 'Enqueues the job of the artifact again, with note and comments as `payload.feedback`.' }),
    ...seen,
  })
  .refine(isSmall, tooLarge())
  .meta({ id: 'RejectArtifact' });

/** Body of `supersedeArtifact`. */
export const supersedeSchema = z
  .strictObject({
    by: z.string().min(1).max(255).meta({ description: 'Id of the artifact that replaces this one.' }),
    note: noteSchema,
    ...seen,
  })
  .refine(isSmall, tooLarge())
  .meta({ id: 'SupersedeArtifact' });

/** Body of `reviewArtifacts`. */
export const reviewManySchema = z
  .strictObject({
    decision: z.enum(['approve', 'reject']),
    note: noteSchema,
    items: z
      .array(
        z.strictObject({
          artifactId: z.string().max(255),
          digest: digestSchema.nullable().meta({ description: 'The digest that the caller has seen; null: none.' }),
          expectedVersion: z.int().min(1),
        }),
      )
      .min(1)
      .max(reviewLimits.items),
  })
  .refine(isSmall, tooLarge())
  .meta({ id: 'ReviewArtifacts' });
export type ReviewMany = z.output<typeof reviewManySchema>;

export const reviewManyResultSchema = z
  .object({
    results: z.array(
      z.object({
        artifactId: z.string(),
        status: z.int().meta({ description: 'The HTTP status that a call for this item alone would have.' }),
        artifact: artifactSchema.optional(),
        error: problemSchema.optional(),
      }),
    ),
  })
  .meta({ id: 'ReviewArtifactsResult' });
export type ReviewManyResult = z.output<typeof reviewManyResultSchema>;

interface Said {
  readonly note?: string | null | undefined;
  readonly comments?: readonly ReviewComment[] | null | undefined;
}

function isSmall({ note, comments }: Said): boolean {
  return utf8Bytes(note ?? '') + utf8Bytes(JSON.stringify(comments ?? [])) <= reviewLimits.allBytes;
}

function tooLarge() {
  return { path: ['note'], message: 'note and comments together must have at most 64 KiB' };
}
