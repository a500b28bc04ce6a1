import {
  fieldError,
  finishOf,
  fitsBytes,
  maxSummaryBytes,
  storableText,
  type FinishFields,
  type JobFinish,
} from '@proofhouse/core';

/**
 * Returns the fields with which a worker describes the end of an attempt, such as the summary. Returns null if all of
 * them are empty. Throws `invalid_request` for the field `finishSummary` if the summary is larger than
 * `maxSummaryBytes`.
 */
export function boundedFinish(fields: FinishFields): JobFinish | null {
  const finish = finishOf(fields);
  const { summary = null } = finish ?? {};
  if (summary === null) return finish;
  const text = typeof summary === 'string' ? summary : JSON.stringify(summary);
  if (!fitsBytes(text, maxSummaryBytes)) throw tooLong('finishSummary');
  return finish;
}

/**
 * Returns `text` with replacements for the characters that the store cannot hold. Throws `invalid_request` for the
 * field `field` if the result is larger than `maxSummaryBytes`.
 */
export function boundedText(text: string | null, field: string): string | null {
  if (text === null) return null;
  const kept = storableText(text);
  if (!fitsBytes(kept, maxSummaryBytes)) throw tooLong(field);
  return kept;
}

function tooLong(field: string) {
  return fieldError(field, `is longer than ${String(maxSummaryBytes)} bytes; put long output into an artifact`);
}
