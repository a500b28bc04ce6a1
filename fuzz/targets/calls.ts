// Fuzzes all operations with arbitrary JSON. Each input must be decoded, or refused with an `AppError`.
import assert from 'node:assert/strict';
import { isAppError, operations, parseJson, type Operation } from '@proofhouse/core';
import { decodeCall } from '../../packages/server/src/calls/operation-call.ts';
import { refusalOr } from '../app-error-of.ts';

const rows: readonly Operation[] = Object.values(operations);
const names = { query: 'query.', leaseId: 'proofhouse-lease', idempotencyKey: 'idempotency-key' };

/**
 * The first byte selects the operation. The rest is a JSON object with params, query, body, lease id and idempotency
 * key.
 */
export function fuzz(data: Buffer): void {
  const row = rows[(data[0] ?? 0) % rows.length];
  const given = parsed(data.subarray(1).toString('utf8'));
  if (row === undefined || given === undefined) return;
  const call = refusalOr(
    () =>
      decodeCall(row, {
        principal: { kind: 'admin' },
        params: given['p'],
        query: given['q'],
        body: given['b'],
        leaseId: given['l'],
        idempotencyKey: given['k'],
        names,
      }),
    'invalid_request',
    'invalid_name',
    'invalid_artifact_name',
    'invalid_digest',
    'invalid_cursor',
    'reserved_identifier',
    'bad_request',
  );
  if (isAppError(call)) assert.ok(call.message.length < 4096, 'a refusal repeats all it was given');
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined, 'the prototype of everything was changed');
}

function parsed(text: string): Record<string, unknown> | undefined {
  const { value, objection } = parseJson(text);
  if (objection !== undefined) return undefined;
  const again = JSON.stringify(value);
  assert.equal(JSON.stringify(JSON.parse(text)), again, 'the scanner gives another document than the parser');
  assert.deepEqual(
    { value: JSON.parse(again) as unknown, objection: undefined },
    parseJson(again),
    'what was taken is refused when it comes back',
  );
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
}

/** The names of all fields of all operations. */
const fields = [
  ...new Set(
    rows.flatMap((row) => [row.params, row.query, row.body].flatMap((schema) => Object.keys(shapeOf(schema)))),
  ),
];

function shapeOf(schema: unknown): object {
  return (schema as { readonly shape?: object } | undefined)?.shape ?? {};
}

export const words = [
  '3889108265204450030',
  '1e-400',
  '"\\ud800"',
  '{"a":1,"a":2}',
  ...fields.map((name) => `"${name}":`),
  '{"p":{',
  '},"q":{',
  '},"b":{',
  '"l":"x"',
  '"k":"x"',
  'exec',
  'null',
  '1e999',
  '-1',
  '"2026-01-01T00:00:00Z"',
  '"__proto__":{"polluted":1}',
  '\\ud800',
  '\\u0000',
];

export const seeds = rows.map((_, index) =>
  Buffer.concat([
    Buffer.from([index]),
    Buffer.from(
      `{"p":{"jobId":"j","experimentId":"exp_0","name":"a/b"},"q":{"limit":"5"},"b":{"type":"exec","payload":{"a":[1]},"name":"n"},"l":"x","k":"y"}`,
    ),
  ]),
);
