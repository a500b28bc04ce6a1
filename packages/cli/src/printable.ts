import { stripVTControlCharacters } from 'node:util';

/** Text from elsewhere, so that it cannot drive the terminal. Line breaks and tabs stay. */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- finding control characters is the point.
  return stripVTControlCharacters(text).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\uFFFD');
}
