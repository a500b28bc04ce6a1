import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { maskPlaceholder as mark } from '@proofhouse/core';
import { expect, onTestFinished, test } from 'vitest';
import { appendToMaskFile, MaskFile } from './mask-file.ts';
import { canMask, readSecretFiles, SecretMask } from './secret-mask.ts';

const [one, two] = ['correct-horse-battery', 'staple.of.tomorrow'];

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'secret-mask-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

test('values of secret variables are masked, and those that are too short are named', () => {
  const env = { API_TOKEN: one, MY_PASS: two, PLAIN: 'plain-value', SHORT_TOKEN: 'abc', NO_TOKEN: undefined };
  const mask = new SecretMask({ env });
  expect(mask.text(`${one} ${two} plain-value abc`)).toBe(`${mark} ${two} plain-value abc`);
  expect(mask.tooShort).toEqual(['SHORT_TOKEN']);
  expect(new SecretMask({ env, names: ['*_PASS'] }).text(`${one} ${two}`)).toBe(`${mark} ${mark}`);
});

test('a secret file is masked as a whole and line by line', async () => {
  const file = path.join(folder(), 'secret');
  writeFileSync(file, `${one}\n${two}\n`);
  const mask = new SecretMask({ values: await readSecretFiles([file]) });
  expect(mask.text(`a ${one}, b ${two}`)).toBe(`a ${mark}, b ${mark}`);
  await expect(readSecretFiles([`${file}.missing`])).rejects.toThrow('ENOENT');
  writeFileSync(file, 'x'.repeat(2_000_000));
  await expect(readSecretFiles([file])).rejects.toThrow('too large');
});

test('a value that is added while a stream is masked is masked from then on, also in bytes that are held back', () => {
  const mask = new SecretMask({ values: [{ name: 'ONE', value: one }] });
  const stream = mask.stream();
  const before = stream.write(Buffer.from(`${two} ${one.slice(0, 10)}`));
  mask.add(two);
  const after = [stream.write(Buffer.from(`${one.slice(10)} ${two}`)), stream.end()];
  expect(Buffer.concat([before, ...after]).toString()).toBe(`${two} ${mark} ${mark}`);
  expect(stream.receipt.masked).toEqual([
    { rule: 'known:ONE', count: 1 },
    { rule: 'known:added', count: 1 },
  ]);
});

test('values of a mask that was made from another are not shared', async () => {
  const file = MaskFile.create(path.join(folder(), 'mask'));
  onTestFinished(() => file.close());
  const mask = new SecretMask({ values: [{ name: 'ONE', value: one }] });
  const [left, right] = [mask.with(), mask.with([{ name: 'LEASE', value: 'the-lease-id' }])];
  left.follow(file);
  await appendToMaskFile(file.path, two);
  const text = `${one} ${two} the-lease-id`;
  expect(left.text(text)).toBe(`${mark} ${mark} the-lease-id`);
  expect(right.text(text)).toBe(`${mark} ${two} ${mark}`);
  expect(mask.text(text)).toBe(`${mark} ${two} the-lease-id`);
});

test('a value that a text of a JSON value has in JSON in a string of JSON is masked', () => {
  const secret = ['a"quoted', 'pass&word'].join('-');
  const mask = new SecretMask({ values: [{ name: 'ONE', value: secret }] });
  const text = JSON.stringify(JSON.stringify({ value: secret }));
  const masked = JSON.stringify(JSON.stringify({ value: mark }));
  expect(mask.json({ text, list: [text], [text]: 1 })).toEqual({ text: masked, list: [masked], [masked]: 1 });
});

test('JSON values keep their shape', () => {
  const mask = new SecretMask({
    values: [
      { name: 'ONE', value: one },
      { name: 'PIN', value: '12345678' },
    ],
  });
  const value = { list: [one, 1, null, { [`key ${one}`]: true }], text: `a\n"${one}"` };
  expect(mask.json(value)).toEqual({ list: [mark, 1, null, { [`key ${mark}`]: true }], text: `a\n"${mark}"` });
  const clean = { a: [1, 'b'] };
  expect(mask.json(clean)).toBe(clean);
  expect(mask.json<unknown>(undefined)).toBe(undefined);
  expect(mask.json({ pin: 12_345_678, list: [one], more: { same: 12_345_678 } })).toEqual({
    pin: mark,
    list: [mark],
    more: { same: mark },
  });
});

test('a long number under a key that names a secret becomes the placeholder', () => {
  const mask = new SecretMask();
  const value = { password: 1_234_567_890, nested: [{ dbPassword: 987_654, pin: 5 }], apiKey: 42, max_tokens: 128_000 };
  const masked = { password: mark, nested: [{ dbPassword: mark, pin: 5 }], apiKey: 42, max_tokens: 128_000 };
  expect(mask.json(value)).toEqual(masked);
  expect(mask.json(masked)).toBe(masked);
  const counts = { totalTokens: 1_234_567, tokenCount: 9_876_543, passed: 100_000, secretsFound: 123_456 };
  expect(mask.json(counts)).toBe(counts);
});

test('a text that cannot be masked is withheld, and bytes that cannot be masked are not returned', () => {
  const mask = new SecretMask({ values: [{ name: 'ONE', value: one }] });
  const stream = mask.stream();
  expect(mask.text('text')).toBe('text');
  mask.follow({
    read: () => {
      throw new Error('unreadable');
    },
  } as unknown as MaskFile);
  expect(mask.text('text')).toBe('(withheld: masking failed)');
  expect(mask.json({ a: 'text' })).not.toEqual({ a: 'text' });
  expect(() => void stream.write(Buffer.from('text'))).toThrow('unreadable');
  expect(() => mask.finds('text')).toThrow('unreadable');
});

test('values under six characters cannot be masked', () => {
  expect([canMask('12345'), canMask('  12345 \n'), canMask('123456'), canMask('ab\ncd\nef')]).toEqual([
    false,
    false,
    true,
    true,
  ]);
});
