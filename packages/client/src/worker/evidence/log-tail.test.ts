import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { CapturedLog } from './captured-log.ts';
import { lastBytes, readLogTail } from './log-tail.ts';

async function logOf(content: string | Buffer): Promise<CapturedLog> {
  const folder = await mkdtemp(path.join(tmpdir(), 'log-tail-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = path.join(folder, 'log');
  const log = await CapturedLog.create(file, 64 * 1024 * 1024);
  onTestFinished(() => log.close());
  log.write(Buffer.from(content));
  await log.settled();
  return log;
}

test('the tail starts with a whole line', async () => {
  expect(await readLogTail(await logOf('first line\nsecond\nthird\n'), 15)).toBe('second\nthird');
});

test('a single long line is cut', async () => {
  expect(await readLogTail(await logOf('x'.repeat(100)), 10)).toBe('x'.repeat(10));
});

test('colours, rewritten lines and NUL are left out', async () => {
  expect(await readLogTail(await logOf('\u001b[31mred\u001b[0m\r\n10%\r50%\r100%\nend\0\n'), 100)).toBe(
    'red\n100%\nend',
  );
});

test('a very long line without an end is read in linear time', async () => {
  const line = 'x'.repeat(4_000_000);
  expect(await readLogTail(await logOf(`10%\r${line}`), 5_000_000)).toBe(line);
});

test('a rewritten line is reduced to what was written last', async () => {
  const texts = fc.array(fc.constantFrom('a', 'b', '\r', '\n', ' '), { maxLength: 12 }).map((parts) => parts.join(''));
  for (const text of fc.sample(texts, 200)) {
    const shown = text
      .replaceAll('\r\n', '\n')
      .replaceAll(/[^\n]*\r(?=[^\n])/g, '')
      .replaceAll('\r', '')
      .trim();
    expect(await readLogTail(await logOf(text), 100)).toBe(shown);
  }
});

test('bytes that are not text do not cause an error', async () => {
  expect(await readLogTail(await logOf(Buffer.from([0xff, 0xfe, 0x41, 0x0a])), 100)).toMatch(/A$/);
});

test('the end of any text fits its limit and is the end of that text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(20), (text, most) => {
      const end = lastBytes(text, most);
      expect(Buffer.byteLength(end)).toBeLessThanOrEqual(most);
      expect(text.endsWith(end)).toBe(true);
    }),
  );
});
