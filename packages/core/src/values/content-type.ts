/** Content type of bytes whose content type is not known (RFC 2046 section 4.5.1). */
export const defaultContentType = 'application/octet-stream';

/**
 * Returns a client's content type in a form that a header can contain: printable ASCII only, trimmed, at most 255
 * characters. Returns undefined when no characters are left.
 */
export function cleanContentType(raw: string | undefined): string | undefined {
  const cleaned = (raw ?? '')
    .replace(/[^\x20-\x7e]/g, '')
    .trim()
    .slice(0, 255)
    // The truncated text may end with a space, which a header value cannot have.
    .trimEnd();
  return cleaned === '' ? undefined : cleaned;
}

/**
 * Returns a client's content type, cleaned by `cleanContentType`. Returns undefined for a media range (`image/*`, RFC
 * 9110 section 12.5.1), which is not a content type.
 */
export function saidContentType(raw: string | undefined): string | undefined {
  const type = cleanContentType(raw);
  return type?.split(';', 1)[0]?.includes('*') === true ? undefined : type;
}
