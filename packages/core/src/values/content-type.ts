/** Content type of bytes whose content type is not known (RFC 2046 section 4.5.1). */
export const defaultContentType = 'application/octet-stream';

/**
 * Returns the content type of a client in a form that a header can contain: printable ASCII only, trimmed, at most 255
 * characters. Returns undefined if no characters are left.
 */
export function cleanContentType(raw: string | undefined): string | undefined {
  const cleaned = (raw ?? '')
    .replace(/[^\x20-\x7e]/g, '')
    .trim()
    .slice(0, 255)
    // The truncated text may end with a space, but a header value must not.
    .trimEnd();
  return cleaned === '' ? undefined : cleaned;
}

/**
 * Returns the content type of a client, cleaned by `cleanContentType`. Returns undefined for a media range (`image/*`,
 * RFC 9110 section 12.5.1), because it is not a content type.
 */
export function saidContentType(raw: string | undefined): string | undefined {
  const type = cleanContentType(raw);
  return type?.split(';', 1)[0]?.includes('*') === true ? undefined : type;
}
