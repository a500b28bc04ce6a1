import { z } from 'zod';
import { shortTextPattern } from './visible-text.ts';

/**
 * First and last time with a four-digit year, in epoch ms. A time with an offset can be outside these limits when it is
 * converted to UTC.
 */
const [firstTime, lastTime] = [Date.parse('0000-01-01T00:00:00.000Z'), Date.parse('9999-12-31T23:59:59.999Z')];

/** A time in ISO 8601 with an offset. Times in answers are always in UTC with milliseconds. */
export const timeSchema = z.iso.datetime({ offset: true }).refine((text) => {
  const time = Date.parse(text);
  // NaN must be accepted here, because `z.iso.datetime` has already refused every invalid time.
  return !(time < firstTime || time > lastTime);
}, 'must lie between the years 0 and 9999, in UTC');

export const uuidSchema = z.uuid();

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Returns true if a text is a UUID in lower case. Every record id has this form. */
export function isUuid(text: string): boolean {
  return uuid.test(text);
}

/** Returns the schema of a text that matches `shortTextPattern` and has `min` to `max` characters after trimming. */
export function textSchema(min: number, max: number) {
  return z
    .string()
    .trim()
    .min(min)
    .max(max)
    .regex(shortTextPattern, 'must not contain control characters, line ends or text-direction overrides');
}

/** A lease id or an idempotency key, in a form that a header can contain. */
export const opaqueSchema = z
  .string()
  .regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 printable characters without spaces');

/** Returns the schema of the query parameter `limit`: an integer, written as text, from 1 to `most`, by default `usual`. */
export function limitSchema(most: number, usual: number) {
  return z.coerce.number().int().min(1).max(most).default(usual);
}

export const cursorSchema = z.string().max(2048).optional();

const encoder = new TextEncoder();

/** Returns the length of a text in bytes of UTF-8. */
export function utf8Bytes(text: string): number {
  return encoder.encode(text).length;
}

/** Returns true if a text fits into `maxBytes` of UTF-8. A short text is not encoded. */
export function fitsBytes(text: string, maxBytes: number): boolean {
  // A UTF-16 code unit needs at most three bytes.
  return text.length * 3 <= maxBytes || utf8Bytes(text) <= maxBytes;
}

/** Returns the longest beginning of a text that fits into `maxBytes` of UTF-8. No character is cut. */
export function beginningOf(text: string, maxBytes: number): string {
  const { read } = encoder.encodeInto(text, new Uint8Array(maxBytes));
  return text.slice(0, read);
}
