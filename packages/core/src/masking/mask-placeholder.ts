/** The text that stands in the place of every masked secret. The kind of the secret is only in the receipt. */
export const maskPlaceholder = '***MASKED***';
