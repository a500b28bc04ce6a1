import { saidContentType, defaultContentType } from '@proofhouse/core';
import mime from 'mime-types';

/**
 * Returns the content type of an upload: the one that the caller named (`said`), else the one of the multipart part
 * (`part`), else the one for the extension of the file name, else the default content type.
 */
export function contentTypeOf(name: string, said: string | undefined, part?: string): string {
  const byEnding = mime.lookup(name);
  return saidContentType(said) ?? saidContentType(part) ?? (byEnding === false ? defaultContentType : byEnding);
}
