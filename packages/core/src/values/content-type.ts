/** Content type of bytes without a known one (RFC 2046 section 4.5.1). */
export const defaultContentType = 'application/octet-stream';

/**
 * Cuts a client's content type down to what a header can carry: printable ASCII, trimmed, at most 255
 * characters. Undefined when nothing is left.
 */
export function cleanContentType(raw: string | undefined): string | undefined {
  const cleaned = (raw ?? '')
    .replace(/[^\x20-\x7e]/g, '')
    .trim()
    .slice(0, 255)
    // After truncation the text may end with a space, which a header cannot have.
    .trimEnd();
  return cleaned === '' ? undefined : cleaned;
}

/**
 * Returns the content type from a client, cleaned by `cleanContentType`. Undefined for a media range (`image/*`, RFC
 * 9110 section 12.5.1), which is not a type.
 */
export function saidContentType(raw: string | undefined): string | undefined {
  const type = cleanContentType(raw);
  return type?.split(';', 1)[0]?.includes('*') === true ? undefined : type;
}
