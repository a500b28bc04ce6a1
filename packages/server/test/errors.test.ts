import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { errorCodes, errorTable } from '@proofhouse/core';

it('the page of errors and the table say the same', () => {
  const page = readFileSync(new URL('../../../docs/reference/errors.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| *`(\w+)` *\| *(\d+) *\| *(\d) *\| *(yes|no) *\| *(.+?) *\|$/gm)].map((row) =>
    row.slice(1),
  );
  const table = errorCodes.map((code) => {
    const { http, exit, retryable, sentence } = errorTable[code];
    return [code, String(http), String(exit), retryable ? 'yes' : 'no', sentence];
  });
  expect(rows.toSorted()).toEqual(table.toSorted());
});
