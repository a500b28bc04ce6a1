import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { makeLogger } from './logger.ts';

test('a log line shows hidden characters as escapes and is the same JSON', async () => {
  const target = new PassThrough();
  const text = 'C1 \u009b31m, override \u202e, line \u2028\u2029, escape \u001b[31m';
  makeLogger('info', target).info({ path: text }, text);
  target.end();
  const line = Buffer.concat(await target.toArray()).toString();
  // eslint-disable-next-line no-control-regex -- their absence is the point.
  expect(line.trimEnd()).toMatch(/^[^\u0000-\u001f\u007f-\u009f\u2028-\u202e]*$/);
  expect(JSON.parse(line)).toMatchObject({ path: text, msg: text });
});
