import { describe, expect, test } from 'vitest';
import { plainProtocolError, withPlainError } from './protocol-words.ts';

const dump = JSON.stringify([{ expected: 'string', path: ['params', 'name'], message: 'Invalid input' }], null, 2);

describe('a protocol error', () => {
  test.each([
    ['Method not found', 'Method not found'],
    [`Invalid tools/call request: ${dump}`, 'Invalid tools/call request: params.name: expected string.'],
    [dump, 'Invalid params: params.name: expected string.'],
    ['[{"path":', 'Invalid params.'],
    ['two\nlines', 'two'],
  ])('%j is said as %j', (message, said) => {
    expect(plainProtocolError(message)).toBe(said);
  });

  test('names at most three issues', () => {
    const issues = Array.from({ length: 9 }, (_, at) => ({ path: ['params', at] }));
    expect(plainProtocolError(JSON.stringify(issues)).match(/is not valid/g)).toHaveLength(3);
  });

  test('keeps its code and id, and a result stays as it is', () => {
    const failed = { jsonrpc: '2.0', id: 1, error: { code: -32602, message: dump } };
    expect(withPlainError(failed)).toMatchObject({ id: 1, error: { code: -32602 } });
    const result = { jsonrpc: '2.0', id: 1, result: {} };
    expect(withPlainError(result)).toBe(result);
  });
});
