/** The text that replaces every masked secret. It does not show the kind of the secret; only the receipt does. */
export const maskPlaceholder = '***MASKED***';
