import {
  fieldError,
  finishOf,
  maxSummaryBytes,
  storableText,
  utf8Bytes,
  type FinishFields,
  type JobFinish,
} from '@proofhouse/core';

/** What a worker says at the end of an attempt, within bounds. Errors: `invalid_request` (`finishSummary`). */
export function boundedFinish(fields: FinishFields): JobFinish | null {
  const finish = finishOf(fields);
  const { summary = null } = finish ?? {};
  if (summary === null) return finish;
  const bytes = utf8Bytes(typeof summary === 'string' ? summary : JSON.stringify(summary));
  if (bytes > maxSummaryBytes) throw tooLong('finishSummary');
  return finish;
}

/** Errors: `invalid_request` (`field`). */
export function boundedText(text: string | null, field: string): string | null {
  if (text === null) return null;
  const kept = storableText(text);
  if (utf8Bytes(kept) > maxSummaryBytes) throw tooLong(field);
  return kept;
}

function tooLong(field: string) {
  return fieldError(field, `is longer than ${String(maxSummaryBytes)} bytes; put long output into an artifact`);
}
