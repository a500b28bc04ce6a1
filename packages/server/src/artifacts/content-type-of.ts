import { saidContentType, defaultContentType } from '@proofhouse/core';
import mime from 'mime-types';

/**
 * Returns the content type of an upload: from the caller, else from the part of the form, else from the ending of the
 * name.
 */
export function contentTypeOf(name: string, said: string | undefined, part?: string): string {
  const byEnding = mime.lookup(name);
  return saidContentType(said) ?? saidContentType(part) ?? (byEnding === false ? defaultContentType : byEnding);
}
