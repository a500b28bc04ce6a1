import { AppError } from '@proofhouse/core';
import { withoutSecrets } from '../kernel/house-secrets.ts';

/** Longest text of an error answer, in characters. Masking a text of this length takes less than a millisecond. */
const longestText = 2048;
/** Largest number of wrong fields that an error answer names. */
const mostFields = 200;

/**
 * Returns the error as clients may see it: with its secrets masked, because a message may repeat text of the request.
 * The secret policy does not matter.
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

/** Returns a text of the request, or a text that repeats it, with its secrets masked. A long text is cut. */
export function maskedText(text: string): string {
  const masked = withoutSecrets(text.slice(0, 2 * longestText));
  // A secret that the slice has cut may not be masked, so the end of the slice is left out.
  const isCut = text.length > 2 * longestText;
  const shown = masked.slice(0, isCut ? Math.max(0, masked.length - longestText) : undefined);
  return isCut || shown.length > longestText ? `${shown.slice(0, longestText)}…` : shown;
}
