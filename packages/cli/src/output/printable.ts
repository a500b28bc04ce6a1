import { stripVTControlCharacters } from 'node:util';
import { visibleText } from '@proofhouse/core';

/** Text from outside in the output for people: colours and carriage returns before line feeds go, what else is hidden is escaped. */
export function printable(text: string): string {
  return visibleText(stripVTControlCharacters(text).replaceAll('\r\n', '\n'));
}
