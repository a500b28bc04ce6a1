import type { z } from 'zod';

/** An error message shows at most this number of characters of an invalid value. */
const shownCharacters = 60;

/**
 * Returns an error map for `safeParse` of zod. It describes the error of a field by a phrase that follows the name of
 * the field, with the expected and the actual value. These phrases replace those of zod for all input of people and
 * programs. A message in the schema itself is kept. `whole` is the complete input. It is needed to show the numbers of
 * a query as they were written.
 */
export function fieldWords(whole: unknown): z.core.$ZodErrorMap {
  return (issue) => {
    const given = valueAt(whole, issue.path ?? []);
    return given === undefined ? 'is required' : `${wantedWords(issue)}${notGiven(issue, given)}`;
  };
}

/**
 * Returns a phrase that says what a field expects, such as "must be a number". It does not contain the given value.
 * Used for secrets, and for messages that already contain the value.
 */
export function wantedWords(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${typeWords[issue.expected] ?? 'of another type'}`;
    case 'invalid_value':
      return `must be ${listed(issue.values)}`;
    case 'too_big':
      return `must ${bound(issue.origin, issue.maximum, 'at most')}`;
    case 'too_small':
      return `must ${bound(issue.origin, issue.minimum, 'at least')}`;
    case 'invalid_format':
      return `must be ${formatWords[issue.format] ?? 'written in another way'}`;
    case 'invalid_key':
      return 'has a name that is not allowed';
    default:
      return 'is not allowed';
  }
}

const typeWords: Readonly<Partial<Record<z.core.$ZodInvalidTypeExpected, string>>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
};

const formatWords: Readonly<Record<string, string>> = {
  datetime: 'a time such as 2026-01-31T09:30:00Z',
  uuid: 'an id such as 0190b2c4-7d3e-7000-8000-000000000000',
  url: 'a URL',
};

function bound(origin: string, most: number | bigint, which: 'at most' | 'at least'): string {
  if (origin === 'string' && which === 'at least' && most === 1) return 'not be empty';
  const count = `${which} ${String(most)}`;
  if (origin === 'string') return `have ${count} ${most === 1 ? 'character' : 'characters'}`;
  if (origin === 'array') return `have ${count} ${most === 1 ? 'item' : 'items'}`;
  return `be ${count}`;
}

function notGiven({ code, input }: z.core.$ZodRawIssue, given: unknown): string {
  if (code === 'invalid_key') return '';
  if (code !== 'too_big' && code !== 'too_small') return `, not ${shown(given)}`;
  if (input === '') return '';
  if (typeof input === 'string' || Array.isArray(input)) return `, not ${String(input.length)}`;
  return `, not ${shown(input)}`;
}

function listed(values: readonly unknown[]): string {
  return values.length === 1 ? String(values[0]) : `one of ${values.map(String).join(', ')}`;
}

function shown(given: unknown): string {
  if (typeof given === 'string') {
    return JSON.stringify(given.length > shownCharacters ? `${given.slice(0, shownCharacters)}…` : given);
  }
  if (Array.isArray(given)) return 'a list';
  return typeof given === 'object' && given !== null ? 'an object' : String(given);
}

function valueAt(whole: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, key)
        ? (value as Record<PropertyKey, unknown>)[key]
        : undefined,
    whole,
  );
}
