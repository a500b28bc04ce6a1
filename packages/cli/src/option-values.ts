import { InvalidArgumentError } from '@commander-js/extra-typings';

export function integer(text: string): number {
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Give a whole number.');
}

export function wholeNumber(text: string): number {
  const value = integer(text);
  if (value >= 0) return value;
  throw new InvalidArgumentError('Give a number of at least 0.');
}

export function positiveInteger(text: string): number {
  const value = integer(text);
  if (value >= 1) return value;
  throw new InvalidArgumentError('Give a number of at least 1.');
}

/** `a, b` as a list without blanks. */
export function commaList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
