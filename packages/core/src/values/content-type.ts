/** What bytes are called when nobody said what they are (RFC 2046 section 4.5.1). */
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
    // The cut may end behind a space, which no header carries.
    .trimEnd();
  return cleaned === '' ? undefined : cleaned;
}

/**
 * What a client says that bytes are: `cleanContentType`, and undefined for a range of types (`image/*`, RFC 9110 section
 * 12.5.1), which is no type.
 */
export function saidContentType(raw: string | undefined): string | undefined {
  const type = cleanContentType(raw);
  return type?.split(';', 1)[0]?.includes('*') === true ? undefined : type;
}
