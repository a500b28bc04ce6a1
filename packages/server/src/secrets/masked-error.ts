import { AppError } from '@proofhouse/core';
import { withoutSecrets } from '../kernel/house-secrets.ts';

/** Longest text in an error answer, in characters. Masking such a text takes less than a millisecond. */
const longestText = 2048;
/** An error answer names at most this number of wrong fields. */
const mostFields = 200;

/**
 * Returns the error for clients. Its secrets are masked, because a message may repeat text of the request. This is done
 * under every secret policy.
 */
export function maskedError(error: AppError): AppError {
  const errors = error.errors.slice(0, mostFields).map((field) => ({
    ...field,
    path: maskedText(field.path),
    message: maskedText(field.message),
  }));
  const details = Object.fromEntries(
    Object.entries(error.details).map(([key, value]) => [key, typeof value === 'string' ? maskedText(value) : value]),
  );
  return new AppError(error.code, maskedText(error.message), { errors, details, cause: error.cause });
}

/** Returns a text with its secrets masked and shortened. The text comes from a request or repeats a part of one. */
export function maskedText(text: string): string {
  const masked = withoutSecrets(text.slice(0, 2 * longestText));
  // A secret that the slice has cut may not be recognized. So the end of the slice is omitted.
  const isCut = text.length > 2 * longestText;
  const shown = masked.slice(0, isCut ? Math.max(0, masked.length - longestText) : undefined);
  return isCut || shown.length > longestText ? `${shown.slice(0, longestText)}…` : shown;
}
