/** Media types that a browser shows as they are. They contain no scripts, or run them in a sandbox of their own. */
const shownAsTheyAre: ReadonlySet<string> = new Set([
  'application/pdf',
  'audio/aac',
  'audio/flac',
  'audio/mp4',
  'audio/mpeg',
  'audio/ogg',
  'audio/wav',
  'audio/webm',
  'audio/x-wav',
  'image/avif',
  'image/bmp',
  'image/gif',
  'image/jpeg',
  'image/png',
  'image/webp',
  'video/mp4',
  'video/ogg',
  'video/webm',
]);

/** Media types of texts, apart from those that begin with `text/` or end with `+json` or `+xml`. */
const texts: ReadonlySet<string> = new Set([
  'application/json',
  'application/jsonl',
  'application/ecmascript',
  'application/javascript',
  'application/ndjson',
  'application/sql',
  'application/toml',
  'application/x-ndjson',
  'application/x-sh',
  'application/x-yaml',
  'application/xml',
  'application/yaml',
]);

/**
 * Returns the content type with which a preview sends content of a type, or undefined if content of this type has no
 * preview. Every text, also HTML, SVG and XML, is sent as plain text, so a browser never runs it.
 */
export function previewTypeOf(contentType: string | null): string | undefined {
  const type = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (shownAsTheyAre.has(type)) return type;
  const isText = type.startsWith('text/') || /\+(?:json|xml)$/.test(type) || texts.has(type);
  return isText ? 'text/plain; charset=utf-8' : undefined;
}
