import { saidContentType, defaultContentType } from '@proofhouse/core';
import mime from 'mime-types';

/** What an upload is: said by the caller, else by the part of a form, else by the name's ending. */
export function contentTypeOf(name: string, said: string | undefined, part?: string): string {
  const byEnding = mime.lookup(name);
  return saidContentType(said) ?? saidContentType(part) ?? (byEnding === false ? defaultContentType : byEnding);
}
