import { stripVTControlCharacters } from 'node:util';
import { visibleText } from '@proofhouse/core';

/**
 * Makes text of other programs safe for a terminal. Removes colours, and carriage returns before line feeds. Escapes
 * all other hidden characters.
 */
export function printable(text: string): string {
  return visibleText(stripVTControlCharacters(text).replaceAll('\r\n', '\n'));
}
