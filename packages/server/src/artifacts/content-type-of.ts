import { saidContentType, defaultContentType } from '@proofhouse/core';
import mime from 'mime-types';

/**
 * Returns the content type of an upload. It is the first of these that is present: the one that the caller named
 * (`said`), the one of the multipart part (`part`), the one for the extension of the file name, the default.
 */
export function contentTypeOf(name: string, said: string | undefined, part?: string): string {
  const byEnding = mime.lookup(name);
  return saidContentType(said) ?? saidContentType(part) ?? (byEnding === false ? defaultContentType : byEnding);
}
