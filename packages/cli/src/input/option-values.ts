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

/** Longest time in seconds, about three weeks. A longer time would overflow a timer. */
const mostSeconds = 2_000_000;

export function seconds(text: string): number {
  const value = wholeNumber(text);
  if (value <= mostSeconds) return value;
  throw new InvalidArgumentError(`Give at most ${mostSeconds} seconds.`);
}

export function positiveSeconds(text: string): number {
  return seconds(String(positiveInteger(text)));
}

/**
 * Parses a list such as `a, b`, without the spaces. Throws for an empty list, which usually comes from a variable that
 * is not set.
 */
export function commaList(text: string): string[] {
  const items = text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  if (items.length > 0) return items;
  throw new InvalidArgumentError('The list is empty: name at least one, or leave the option out.');
}

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const timeForms =
  'Give a time such as 2026-12-24T18:00:00Z, a date (midnight UTC), or a wait such as +90m, +2h or +1d.';

const isoTime = /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

// Returns true if the date exists. `Date` accepts the 31st of a short month and makes it a day of the next month, so
// its result must be compared.
function isDay(date: string): boolean {
  const parsed = new Date(`${date}T00:00:00Z`);
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(date);
}

/**
 * Returns a parser that converts a time to ISO 8601 in UTC. It accepts ISO 8601 with an offset, a date, and a time from
 * now such as `+2h`.
 */
export function timeAfter(now: () => number): (text: string) => string {
  return (text) => {
    const [, amount, unit = ''] = /^\+(\d{1,6})([smhd])$/.exec(text) ?? [];
    if (amount !== undefined) return new Date(now() + Number(amount) * (unitMs[unit] ?? 0)).toISOString();
    const [, date, time = 'T00:00:00Z'] = isoTime.exec(text) ?? [];
    const parsed = new Date(`${date}${time}`);
    if (date !== undefined && isDay(date) && !Number.isNaN(parsed.getTime())) return parsed.toISOString();
    throw new InvalidArgumentError(timeForms);
  };
}

/** Parses the name of a profile. */
export function profileName(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text)) return text;
  throw new InvalidArgumentError('Give a name of letters, digits, dots, dashes and underscores.');
}

/** Returns the values of a repeatable option: the values given so far, then the new value. */
export function collect(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

/** Parses `type=command` and adds it to the earlier pairs. Throws if the type already has a command. */
export function collectCommand(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf('=');
  const [type, command] = [text.slice(0, at).trim(), text.slice(at + 1).trim()];
  if (at < 1 || type === '' || command === '') throw new InvalidArgumentError('Give type=command.');
  if (Object.hasOwn(before, type)) throw new InvalidArgumentError(`Jobs of type ${type} have a command already.`);
  return { ...before, [type]: command };
}

/** Parses `key=value` and adds it to the earlier pairs. */
export function collectLabel(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Give key=value.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}
