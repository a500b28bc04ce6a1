import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { appendToMaskFile, MaskFile } from './mask-file.ts';

function freePath(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'mask-file-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return path.join(folder, 'mask');
}

function follow(file: string): MaskFile {
  const followed = MaskFile.create(file);
  onTestFinished(() => followed.close());
  return followed;
}

function valuesOf(file: MaskFile): string[] {
  file.read();
  return [...file.values];
}

const values = ['first value', 'two\nlines\r\n and a space ', '"quoted" \\ ', '\u00fc\u2028\u{1f511}', '"json"'];

test('values come back unchanged, with line ends, quotes and any other character', async () => {
  const path = freePath();
  const file = follow(path);
  for (const [at, value] of values.entries()) {
    await appendToMaskFile(path, value);
    expect(valuesOf(file)).toEqual(values.slice(0, at + 1));
  }
});

test('only this user can read the file, also when it existed before with another mode', async () => {
  const path = freePath();
  await appendToMaskFile(path, 'value-1');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  chmodSync(path, 0o644);
  await appendToMaskFile(path, 'value-2');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(path).size).toBeGreaterThan(20);
});

test('values that several processes append at the same time are all kept', async () => {
  const path = freePath();
  const file = follow(path);
  const script = `import { appendToMaskFile } from ${JSON.stringify(new URL('mask-file.ts', import.meta.url).href)};
    for (let at = 0; at < 40; at += 1) await appendToMaskFile(process.argv[1], process.argv[2] + '\\n' + at + 'x'.repeat(5000));`;
  const children = ['a', 'b', 'c'].map((name) =>
    spawn(process.execPath, ['--input-type=module-typescript', '-e', script, path, name], { stdio: 'inherit' }),
  );
  await Promise.all(children.map((child) => once(child, 'exit')));
  const expected = ['a', 'b', 'c'].flatMap((name) =>
    Array.from({ length: 40 }, (_, at) => `${name}\n${at}${'x'.repeat(5000)}`),
  );
  expect(valuesOf(file).sort()).toEqual(expected.sort());
});

test('lines that other programs append are values too, also without a line end', async () => {
  const path = freePath();
  const file = follow(path);
  appendFileSync(path, 'plain\n\n  \nwith "quotes"\r\n"not json\nunfinished');
  expect(valuesOf(file)).toEqual(['plain', 'with "quotes"', '"not json', 'unfinished']);
  await appendToMaskFile(path, 'added');
  expect(valuesOf(file)).toContain('added');
  appendFileSync(path, 'more');
  expect(valuesOf(file)).toContain('more');
});

test('values stay known when the file is truncated, removed or replaced, and new ones are read', async () => {
  const path = freePath();
  const file = follow(path);
  await appendToMaskFile(path, 'before');
  expect(valuesOf(file)).toEqual(['before']);
  truncateSync(path, 0);
  expect(valuesOf(file)).toEqual(['before']);
  await appendToMaskFile(path, 'a');
  truncateSync(path, 0);
  await appendToMaskFile(path, 'truncated');
  expect(valuesOf(file)).toEqual(['before', 'truncated']);
  rmSync(path);
  expect(valuesOf(file)).toEqual(['before', 'truncated']);
  await appendToMaskFile(path, 'made again');
  writeFileSync(`${path}.new`, 'replaced\n');
  expect(valuesOf(file)).toEqual(['before', 'truncated', 'made again']);
  renameSync(`${path}.new`, path);
  expect(valuesOf(file).at(-1)).toBe('replaced');
});

test('a value that was appended just before the file was removed is known', async () => {
  const path = freePath();
  const file = follow(path);
  await appendToMaskFile(path, 'appended late');
  rmSync(path);
  expect(valuesOf(file)).toEqual(['appended late']);
});

test('a path that is no file any more, and a file that is too large, are errors', () => {
  const path = freePath();
  const file = follow(path);
  rmSync(path);
  mkdirSync(path);
  expect(() => file.read()).toThrow('is no file');
  rmSync(path, { recursive: true });
  writeFileSync(`${path}.target`, 'x');
  symlinkSync(`${path}.target`, path);
  expect(() => file.read()).toThrow('is no file');
  rmSync(path);
  writeFileSync(path, 'x');
  file.read();
  truncateSync(path, 17 * 1024 * 1024);
  expect(() => file.read()).toThrow('is larger than');
});

test('nothing is appended to a symbolic link', async () => {
  const path = freePath();
  writeFileSync(`${path}.target`, '');
  symlinkSync(`${path}.target`, path);
  await expect(appendToMaskFile(path, 'value')).rejects.toThrow();
  expect(readFileSync(`${path}.target`, 'utf8')).toBe('');
});
