import { z } from 'zod';
import { storableText } from '../values/storable-text.ts';

/**
 * The worker's description of the end of an attempt. It adds details to the outcome (succeeded, failed or cancelled).
 * The server stores it and does not interpret it.
 */
export interface JobFinish {
  readonly outcomeCode: string | null;
  readonly outcomeStage: string | null;
  readonly outcomeReason: string | null;
  /**
   * Summary of the attempt: a text of at most 8 KiB of UTF-8, or an object of at most 8 KiB of JSON. An object is
   * stored unchanged.
   */
  readonly summary: string | Readonly<Record<string, unknown>> | null;
}

/** Largest length of a code or stage, in characters. */
const maxCode = 128;
/** Largest length of a reason, in characters. */
const maxReason = 1000;

/** Fields in the body of the calls that end an attempt. A blank text counts as omitted. */
export const finishFields = {
  finishOutcomeCode: z.string().max(maxCode).nullish().meta({ description: 'Such as PUBLISHED_PR or NO_CHANGES.' }),
  finishOutcomeStage: z.string().max(maxCode).nullish().meta({ description: 'Where the work ended.' }),
  finishOutcomeReason: z.string().max(maxReason).nullish().meta({ description: 'Why it ended so.' }),
  finishSummary: z
    .union([z.string(), z.record(z.string(), z.unknown())])
    .nullish()
    .meta({ description: 'Text, or an object that is kept as it is; at most 8 KiB.' }),
};

export type FinishFields = z.output<z.ZodObject<typeof finishFields>>;

/** Returns the description of the end in a call that ends an attempt. Returns null if all its fields are omitted. */
export function finishOf(fields: FinishFields): JobFinish | null {
  const finish = {
    outcomeCode: textOf(fields.finishOutcomeCode),
    outcomeStage: textOf(fields.finishOutcomeStage),
    outcomeReason: textOf(fields.finishOutcomeReason),
    summary: typeof fields.finishSummary === 'object' ? fields.finishSummary : textOf(fields.finishSummary),
  };
  return Object.values(finish).every((value) => value === null) ? null : finish;
}

function textOf(text: string | null | undefined): string | null {
  return text == null || text.trim() === '' ? null : storableText(text);
}

/** Returns the outcome code and the stage. Only these are small enough for the payload of an event. */
export function finishInEvent(finish: JobFinish | null | undefined): Record<string, string> {
  const { outcomeCode = null, outcomeStage = null } = finish ?? {};
  return {
    ...(outcomeCode === null ? {} : { outcomeCode }),
    ...(outcomeStage === null ? {} : { outcomeStage }),
  };
}

export const jobFinishSchema = z
  .object({
    outcomeCode: z.string().nullable(),
    outcomeStage: z.string().nullable(),
    outcomeReason: z.string().nullable(),
    summary: z.union([z.string(), z.record(z.string(), z.unknown())]).nullable(),
  })
  .meta({ id: 'JobFinish' });
