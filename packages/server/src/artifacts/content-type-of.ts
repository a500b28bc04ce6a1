import { saidContentType, defaultContentType } from '@proofhouse/core';
import mime from 'mime-types';

/**
 * Returns the content type of an upload. It is the first of these that exists: the type that the caller named (`said`),
 * the type of the multipart part (`part`), the type for the extension of the file name, a default type.
 */
export function contentTypeOf(name: string, said: string | undefined, part?: string): string {
  const byEnding = mime.lookup(name);
  return saidContentType(said) ?? saidContentType(part) ?? (byEnding === false ? defaultContentType : byEnding);
}
