import { describe, expect, it } from 'vitest';
import { makeExample } from './make-example.ts';
import { MaskingStream } from './masking-stream.ts';
import { secretRules } from './secret-rules.ts';
import { compileSecrets } from './secret-set.ts';
import { chunksOf, masked, maskedInChunks } from './testing/masked-in-chunks.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const set = compileSecrets({ rules: secretRules });
const secretOf = (row: number): string => makeExample('base62', 24, row);
const rows = Array.from({ length: 3000 }, (_, row) => `${row},user-${row},${secretOf(row)},active`);
const csv = ['id,name,api_key,state', ...rows, ''].join('\n');
const maskedCsv = ['id,name,api_key,state', ...rows.map((_, row) => `${row},user-${row},***MASKED***,active`), ''];

describe('the column of a table whose header names a secret', () => {
  it('is masked in every row, in a text of any length', () => {
    expect(csv.length).toBeGreaterThan(65_536);
    const { output, receipt, held } = maskedInChunks(set, encoder.encode(csv), chunksOf(997));
    expect(output).toBe(maskedCsv.join('\n'));
    expect(receipt.masked).toEqual([{ rule: 'column-of-table', count: 3000 }]);
    expect(held).toBeLessThan(16_384);
  });

  it('is masked after the set of secrets was replaced in the middle of the table', () => {
    const stream = new MaskingStream(set);
    const middle = csv.length >> 1;
    const parts = [stream.write(encoder.encode(csv.slice(0, middle)))];
    stream.replaceSet(compileSecrets({ rules: secretRules, values: [{ name: 'ADDED', value: 'user-2999' }] }));
    parts.push(stream.write(encoder.encode(csv.slice(middle))), stream.end());
    const output = parts.map((part) => decoder.decode(part)).join('');
    expect(output).toBe(maskedCsv.join('\n').replace('user-2999', '***MASKED***'));
  });

  it.each([
    ['a quoted comma', `user,password\n"Doe, J","${secretOf(1)}"\n`],
    ['a diff', `+user,password\n+alice,${secretOf(1)}\n`],
    ['the lines of a Markdown table', `| user | password |\n| --- | --- |\n| alice | \`${secretOf(1)}\` |\n`],
    ['a dump of Postgres', `COPY t (id, token) FROM stdin;\n1\t${secretOf(1)}\n\\.\n`],
    ['an INSERT with calls and strings', `insert into t (at, n, token) values (now(), ',)', '${secretOf(1)}')`],
    ['an INSERT in a string of JSON', `{"sql":"INSERT INTO t (token)\\n VALUES\\n ('${secretOf(1)}')"}`],
  ])('is masked in %s', (_what, text) => {
    expect(masked(set, text)).toBe(text.replace(secretOf(1), '***MASKED***'));
  });

  it.each([
    ['dumps of Postgres', (row: number) => `COPY t (id, token) FROM stdin;\n${row}\t${secretOf(row)}\n\\.\n`],
    ['files with a header', (row: number) => `id,user,token\n${row},alice,${secretOf(row)}\n\n`],
    ['inserts', (row: number) => `INSERT INTO t (id, token) VALUES (${row}, '${secretOf(row)}');\n`],
  ])('is masked in each of 400 short tables one after the other: %s', (_what, table) => {
    const numbers = Array.from({ length: 400 }, (_, row) => row);
    const text = numbers.map(table).join('');
    const expected = numbers.map((row) => table(row).replace(secretOf(row), '***MASKED***')).join('');
    for (const size of [1, 997, text.length]) {
      expect(maskedInChunks(set, encoder.encode(text), chunksOf(size)).output).toBe(expected);
    }
  });

  it('ends with the table: at a blank line, and at a line with another number of columns', () => {
    for (const end of ['', 'one', 'one,two,three']) {
      const text = `user,password\nalice,none\n${end}\nid,${secretOf(1)}\n`;
      expect(masked(set, text)).toBe(text);
    }
  });
});
