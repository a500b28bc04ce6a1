import {
  fieldError,
  finishOf,
  maxSummaryBytes,
  storableText,
  utf8Bytes,
  type FinishFields,
  type JobFinish,
} from '@proofhouse/core';

/** The finish fields of an attempt, with the size of the summary checked. Errors: `invalid_request` (`finishSummary`). */
export function boundedFinish(fields: FinishFields): JobFinish | null {
  const finish = finishOf(fields);
  const { summary = null } = finish ?? {};
  if (summary === null) return finish;
  const bytes = utf8Bytes(typeof summary === 'string' ? summary : JSON.stringify(summary));
  if (bytes > maxSummaryBytes) throw tooLong('finishSummary');
  return finish;
}

/** The text as it can be stored, with its size checked. Errors: `invalid_request` (`field`). */
export function boundedText(text: string | null, field: string): string | null {
  if (text === null) return null;
  const kept = storableText(text);
  if (utf8Bytes(kept) > maxSummaryBytes) throw tooLong(field);
  return kept;
}

function tooLong(field: string) {
  return fieldError(field, `is longer than ${String(maxSummaryBytes)} bytes; put long output into an artifact`);
}
