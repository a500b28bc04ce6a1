import { isDeepStrictEqual } from 'node:util';
import type { Answer } from './answer.ts';
import { Mismatch } from './mismatch.ts';

/**
 * Thrown if the server does not offer an optional requirement, or a function that a scenario needs. The scenario is
 * then skipped.
 */
export class NotTried extends Error {}

/**
 * Thrown if it is not known whether the server offers a requirement, because an input (such as `--max-artifact-bytes`)
 * is missing. The scenario is then skipped.
 */
export class NotKnown extends NotTried {}

export function expectStatus(answer: Answer, ...statuses: readonly number[]): void {
  if (statuses.includes(answer.status)) return;
  throw new Mismatch({
    request: answer.request,
    what: 'the status',
    expected: statuses.join(' or '),
    seen: answer.brief(),
  });
}

export function expectEqual(request: string, what: string, seen: unknown, expected: unknown): void {
  if (isDeepStrictEqual(seen, expected)) return;
  throw new Mismatch({ request, what, expected: shown(expected), seen: shown(seen) });
}

export function expectThat(
  condition: boolean,
  finding: { request: string; what: string; expected: string; seen: unknown },
): void {
  if (condition) return;
  throw new Mismatch({ ...finding, seen: shown(finding.seen) });
}

export function expectMatch(request: string, what: string, seen: unknown, pattern: RegExp): void {
  expectThat(typeof seen === 'string' && pattern.test(seen), { request, what, expected: String(pattern), seen });
}

/** Checks the named members of a JSON answer. Other members may have any value. */
export function expectMembers(answer: Answer, members: Readonly<Record<string, unknown>>): void {
  const document = answer.document();
  for (const [name, expected] of Object.entries(members))
    expectEqual(answer.request, `member ${name}`, document[name], expected);
}

/**
 * Expects a body of exactly these bytes. A report shows only the length and the first 16 bytes of the expected and the
 * received body.
 */
export function expectBytes(answer: Answer, expected: Uint8Array): void {
  if (answer.bytes.equals(expected)) return;
  const shownBytes = (bytes: Uint8Array): string =>
    `${String(bytes.length)} bytes beginning ${Buffer.from(bytes.subarray(0, 16)).toString('hex')}`;
  throw new Mismatch({
    request: answer.request,
    what: 'the body',
    expected: shownBytes(expected),
    seen: shownBytes(answer.bytes),
  });
}

export function expectHeader(answer: Answer, name: string, expected: string | RegExp): void {
  const seen = answer.headers.get(name);
  const fits = typeof expected === 'string' ? seen === expected : seen !== null && expected.test(seen);
  expectThat(fits, { request: answer.request, what: `header ${name}`, expected: String(expected), seen });
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  return typeof value === 'string' ? `"${value.slice(0, 400)}"` : JSON.stringify(value).slice(0, 400);
}
