import { z } from 'zod';
import { linesPattern } from '../values/visible-text.ts';

/** Schema of one comment of a reviewer. The fields other than `text` say what the comment is about. */
export const reviewCommentSchema = z
  .object({
    path: z.string().optional().meta({ description: 'A file of the content, such as one of a diff.' }),
    line: z.int().optional(),
    side: z.enum(['old', 'new']).optional().meta({ description: 'The side of a diff that `line` counts.' }),
    quote: z.string().optional(),
    text: z.string(),
  })
  .meta({ id: 'ReviewComment' });
export type ReviewComment = z.infer<typeof reviewCommentSchema>;

/** Plain text of several lines. */
export const linesSchema = z
  .string()
  .regex(linesPattern, 'must not contain control characters or text-direction overrides')
  .refine((text) => text.isWellFormed(), 'must be valid Unicode');
