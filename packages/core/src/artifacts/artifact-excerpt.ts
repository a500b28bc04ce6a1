import { z } from 'zod';

/** Limits of one excerpt. Even for a large artifact, an excerpt is small enough for a model. */
export const excerptLimits = {
  usualBytes: 8 * 1024,
  mostBytes: 64 * 1024,
  grepCharacters: 200,
  contextLines: 10,
  matches: 100,
  /** Largest number of bytes that one search reads. The answer contains the offset at which the next search continues. */
  scanBytes: 64 * 1024 * 1024,
  /** Largest number of characters of one line in an answer. */
  lineCharacters: 400,
} as const;

const within = (least: number, most: number, usual: number) =>
  z.coerce.number().int().min(least).max(most).default(usual);

export const excerptQuerySchema = z.strictObject({
  offset: within(-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, 0).meta({
    description: 'Byte to begin at; negative counts from the end, as for the last lines of a log.',
  }),
  length: within(1, excerptLimits.mostBytes, excerptLimits.usualBytes).meta({
    description: 'Bytes of text to answer with, at most.',
  }),
  grep: z.string().min(1).max(excerptLimits.grepCharacters).optional().meta({
    description: 'Answer the lines that contain this text instead: literal, no pattern, letter case ignored.',
  }),
  context: within(0, excerptLimits.contextLines, 2).meta({ description: 'Lines shown around each line found.' }),
  maxMatches: within(1, excerptLimits.matches, 20),
});
export type ExcerptQuery = z.output<typeof excerptQuerySchema>;

const foundLineSchema = z.object({
  offset: z.int().meta({ description: 'Byte at which the line begins: read on from here.' }),
  line: z.int().meta({ description: 'Counted from 1 at the `offset` of the search.' }),
  text: z.string().meta({ description: 'Cut around what was found when the line is long.' }),
  before: z.array(z.string()),
  after: z.array(z.string()),
});
export type FoundLine = z.infer<typeof foundLineSchema>;

export const excerptSchema = z
  .object({
    jobId: z.string(),
    artifactId: z.string(),
    name: z.string(),
    contentType: z.string(),
    sizeBytes: z.int(),
    digest: z.string(),
    kind: z.enum(['text', 'binary']),
    offset: z.int(),
    nextOffset: z.int().nullable().meta({ description: 'Where to go on; null at the end.' }),
    text: z.string().nullable().meta({ description: 'Null for binary content and for a search.' }),
    matches: z.array(foundLineSchema).nullable().meta({ description: 'Null unless searched.' }),
    invalidUtf8: z.boolean().meta({ description: 'Bytes that are no UTF-8 are shown as U+FFFD.' }),
    note: z.string().meta({ description: 'What this excerpt is, in one sentence.' }),
  })
  .meta({ id: 'Excerpt' });
export type Excerpt = z.infer<typeof excerptSchema>;
