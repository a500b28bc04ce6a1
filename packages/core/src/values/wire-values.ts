import { z } from 'zod';
import { shortTextPattern } from './visible-text.ts';

/** Limits of times with a four-digit year. In UTC, a time with an offset can be outside of them. */
const [firstTime, lastTime] = [Date.parse('0000-01-01T00:00:00.000Z'), Date.parse('9999-12-31T23:59:59.999Z')];

/** ISO 8601 with an offset. Answers are always in UTC with milliseconds. */
export const timeSchema = z.iso.datetime({ offset: true }).refine((text) => {
  const time = Date.parse(text);
  // Invalid times were refused before.
  return !(time < firstTime || time > lastTime);
}, 'must lie between the years 0 and 9999, in UTC');

export const uuidSchema = z.uuid();

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Returns true if a text can be the id of a record. Ids are in lower case; a record with any other id does not exist.
 */
export function isUuid(text: string): boolean {
  return uuid.test(text);
}

/** A string of `min`..`max` characters after trimming, as `shortTextPattern` allows. */
export function textSchema(min: number, max: number) {
  return z
    .string()
    .trim()
    .min(min)
    .max(max)
    .regex(shortTextPattern, 'must not contain control characters, line ends or text-direction overrides');
}

/** A lease id or an idempotency key, which must fit into a header. */
export const opaqueSchema = z
  .string()
  .regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 printable characters without spaces');

/** Query parameters are text: `limit` is parsed as an integer within bounds. */
export function limitSchema(most: number, usual: number) {
  return z.coerce.number().int().min(1).max(most).default(usual);
}

export const cursorSchema = z.string().max(2048).optional();

/** UTF-8 length of a text, in bytes. */
export function utf8Bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** Returns as many whole characters of a text as fit into `maxBytes` of UTF-8. */
export function beginningOf(text: string, maxBytes: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxBytes));
  return text.slice(0, read);
}
