/**
 * The text that replaces every masked secret. It does not show which kind of secret it was. Only the receipt shows
 * that.
 */
export const maskPlaceholder = '***MASKED***';
