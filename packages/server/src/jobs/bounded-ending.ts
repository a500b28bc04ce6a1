import {
  fieldError,
  finishOf,
  maxSummaryBytes,
  storableText,
  utf8Bytes,
  type FinishFields,
  type JobFinish,
} from '@proofhouse/core';

/**
 * Returns the finish fields (such as the summary) with which an attempt ends, or null if all of them are empty. Throws
 * `invalid_request` for the field `finishSummary` when the summary is larger than `maxSummaryBytes`.
 */
export function boundedFinish(fields: FinishFields): JobFinish | null {
  const finish = finishOf(fields);
  const { summary = null } = finish ?? {};
  if (summary === null) return finish;
  const bytes = utf8Bytes(typeof summary === 'string' ? summary : JSON.stringify(summary));
  if (bytes > maxSummaryBytes) throw tooLong('finishSummary');
  return finish;
}

/**
 * Returns `text` with the characters replaced that the store cannot hold. Throws `invalid_request` for the field
 * `field` when the result is larger than `maxSummaryBytes`.
 */
export function boundedText(text: string | null, field: string): string | null {
  if (text === null) return null;
  const kept = storableText(text);
  if (utf8Bytes(kept) > maxSummaryBytes) throw tooLong(field);
  return kept;
}

function tooLong(field: string) {
  return fieldError(field, `is longer than ${String(maxSummaryBytes)} bytes; put long output into an artifact`);
}
