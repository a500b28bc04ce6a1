import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { tarHeader, tarOf, zipOf } from '../testing/archives.ts';
import type { ScanLimits } from './archives/scan-limits.ts';
import { scanContent, type Content } from './scan-content.ts';
import { SecretMask } from './secret-mask.ts';

const secret = 'correct-horse-battery';
const mask = new SecretMask({ values: [{ name: 'PASSPHRASE', value: secret }] });
const MiB = 1024 * 1024;

/** Returns a content that consists of pieces of `pieceBytes`, with or without random access. */
function contentOf(bytes: Uint8Array, { random = true, pieceBytes = 1000 } = {}): Content {
  async function* readRange(from: number, to: number) {
    for (let at = from; at < to; at += pieceBytes) yield bytes.subarray(at, Math.min(to, at + pieceBytes));
  }
  const read = () => readRange(0, bytes.length);
  return { read, random: random ? { sizeBytes: bytes.length, readRange } : undefined };
}

async function scan(content: Content, limits?: ScanLimits) {
  const scratch = mkdtempSync(path.join(tmpdir(), 'scan-content-'));
  onTestFinished(() => rmSync(scratch, { recursive: true }));
  const seen: Uint8Array[] = [];
  const outcome = await scanContent(content, { mask, seen: (piece) => seen.push(piece), scratch, limits }).then(
    (unscanned) => ({ error: undefined, unscanned }),
    (error: unknown) => ({ error: (error as Error).message, unscanned: [] }),
  );
  expect(readdirSync(scratch)).toEqual([]);
  return { ...outcome, seen: Buffer.concat(seen) };
}

const leak = `first line\npassword ${secret}\n`;
const binary = Buffer.concat([Buffer.from([0, 1, 2, 255]), Buffer.from(leak), Buffer.alloc(40)]);
const utf16 = Buffer.from(`\ufeff${leak}`, 'utf16le');

/** A tar archive in the format before POSIX. Its headers do not contain "ustar". */
const oldTar = withoutMagic(tarOf({ 'a.gz': gzipSync(leak) }));
/** Bytes of a program. Its NUL bytes are not only at odd positions, as they would be in UTF-16 text. */
const program = Buffer.concat([Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 0, 1, 2]), Buffer.alloc(20_000, 'movl 1')]);
const script = Buffer.from('#!/bin/sh\n' + 'echo a line of a script\n'.repeat(500));

function withoutMagic(tar: Buffer): Buffer {
  const size = Number.parseInt(tar.toString('latin1', 124, 135), 8);
  const header = tarHeader('a.gz', size);
  header.fill(0, 257, 265);
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, tar.subarray(512)]);
}

/** Inserts bytes at a position of a zip archive, and corrects the positions in its directory. */
function withBytes(zip: Buffer, at: number, inserted: Buffer): Buffer {
  const bytes = Buffer.concat([zip.subarray(0, at), inserted, zip.subarray(at)]);
  const end = bytes.lastIndexOf('PK\u0005\u0006');
  const directory = bytes.readUInt32LE(end + 16) + inserted.length;
  bytes.writeUInt32LE(directory, end + 16);
  for (let entry = directory; entry < end; entry = bytes.indexOf('PK\u0001\u0002', entry + 4)) {
    if (entry === -1) break;
    const position = bytes.readUInt32LE(entry + 42);
    if (position >= at) bytes.writeUInt32LE(position + inserted.length, entry + 42);
  }
  return bytes;
}

const dirty: readonly (readonly [string, Buffer, string])[] = [
  ['a binary file', binary, 'it contains a secret (known:PASSPHRASE)'],
  ['a UTF-16 file', utf16, 'it contains a secret (known:PASSPHRASE)'],
  ['a UTF-16 file without a mark', utf16.subarray(2), 'it contains a secret (known:PASSPHRASE)'],
  ['a UTF-16 file in the other byte order', Buffer.from(utf16).swap16(), 'it contains a secret (known:PASSPHRASE)'],
  ['a UTF-16 text of a program', Buffer.concat([program, utf16]), 'it contains a secret (known:PASSPHRASE)'],
  ['a zlib file', deflateSync(leak), '(known:PASSPHRASE) in "zlib"'],
  ['a zlib file with a small window', deflateSync(leak.repeat(30), { windowBits: 10 }), 'in "zlib"'],
  ['a tar archive without a magic number', oldTar, 'in "a.gz > gzip"'],
  [
    'a tar archive behind another one',
    Buffer.concat([tarOf({ a: 'nothing' }), tarOf({ 'b.gz': gzipSync(leak) })]),
    'in "b.gz > gzip"',
  ],
  ['a zip archive', zipOf({ 'a.txt': 'nothing', 'b/c.env': leak }), '(known:PASSPHRASE) in "b/c.env"'],
  [
    'a zip archive with a name',
    zipOf({ [`${secret}.txt`]: 'nothing' }),
    'it contains a secret in the name of a member',
  ],
  ['a gzip file', gzipSync(leak), '(known:PASSPHRASE) in "gzip"'],
  ['a zstd file', zstdCompressSync(leak), '(known:PASSPHRASE) in "zstd"'],
  ['a tar archive', tarOf({ 'a.txt': 'nothing', 'b.bin': binary }), 'in "b.bin"'],
  ['a tar.gz archive', gzipSync(tarOf({ a: '', 'b.env': leak })), 'in "gzip > b.env"'],
  ['a zip archive in a tar.gz archive', gzipSync(tarOf({ 'x.zip': zipOf({ y: leak }) })), 'in "gzip > x.zip > y"'],
  ['a gzip file in a zip archive', zipOf({ 'x.gz': gzipSync(leak) }), 'in "x.gz > gzip"'],
];

describe('a secret', () => {
  for (const random of [true, false]) {
    for (const pieceBytes of [7, 100_000]) {
      test.each(dirty)(
        `in %s is found (random access ${random}, pieces of ${pieceBytes})`,
        async (_what, bytes, message) => {
          const { error } = await scan(contentOf(bytes, { random, pieceBytes }));
          expect(error).toContain(message);
        },
      );
    }
  }

  test('in a program that ends as a zip archive is found', async () => {
    const bytes = zipOf({ a: leak }, { before: '#!/usr/bin/env python3\n' });
    expect((await scan(contentOf(bytes))).error).toContain('(known:PASSPHRASE) in "a"');
  });

  test('in a zip archive with a comment behind a script or a program is found', async () => {
    for (const before of [script, program]) {
      const zip = zipOf({ a: leak }, { before: before.toString('latin1') });
      const bytes = Buffer.concat([zip, Buffer.from('a comment')]);
      bytes.writeUInt16LE(9, zip.length - 2);
      expect((await scan(contentOf(bytes))).error).toContain('(known:PASSPHRASE) in "a"');
    }
  });

  test('behind the end of a compressed file is found', async () => {
    const { error } = await scan(contentOf(Buffer.concat([gzipSync('nothing'), Buffer.alloc(9), Buffer.from(leak)])));
    expect(error).toContain('it contains a secret');
  });

  test('in a member with a long name is found, whatever the form of the name', async () => {
    const name = `${'folder/'.repeat(40)}file`;
    const gnu = [tarHeader('././@LongLink', name.length + 1, 'L'), Buffer.alloc(512, `${name}\0`.padEnd(512, '\0'))];
    const record = ` path=${name}\n`;
    const pax = `${record.length + 3}${record}`;
    const posix = [tarHeader('pax', pax.length, 'x'), Buffer.alloc(512, pax.padEnd(512, '\0'))];
    for (const head of [gnu, posix]) {
      const { error } = await scan(contentOf(Buffer.concat([...head, tarOf({ short: gzipSync(leak) })])));
      expect(error).toContain(`in "${name} > gzip"`);
    }
  });
});

describe('a content without a secret', () => {
  test.each([
    ['a binary file', Buffer.concat([Buffer.alloc(10), Buffer.alloc(5000, 7)])],
    ['a zip archive', zipOf({ 'a.txt': 'nothing', 'empty/': '', b: Buffer.alloc(100_000, 'b') })],
    ['a tar.gz archive', gzipSync(tarOf({ a: 'nothing', b: Buffer.alloc(100_000, 'b') }))],
    ['an empty file', Buffer.alloc(0)],
    ['a gzip file with bytes behind it', Buffer.concat([gzipSync('nothing'), Buffer.alloc(300_000)])],
  ])('is passed on whole: %s', async (_what, bytes) => {
    const { error, unscanned, seen } = await scan(contentOf(bytes));
    expect(error).toBeUndefined();
    expect(unscanned).toEqual([]);
    expect(seen.equals(bytes)).toBe(true);
  });

  test('that is encrypted or of an unknown archive format is named', async () => {
    expect((await scan(contentOf(zipOf({ a: leak }, { isEncrypted: true })))).unscanned).toEqual([
      '"a" is encrypted and was not scanned for secrets',
    ]);
    const sevenZip = Buffer.concat([Buffer.from([0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]), Buffer.alloc(100)]);
    expect((await scan(contentOf(tarOf({ 'x.7z': sevenZip })))).unscanned).toEqual([
      '"x.7z" is an archive of a kind whose members are not scanned for secrets',
    ]);
  });
});

describe('a part that is not scanned is named', () => {
  const noise = brotliCompressSync(
    Buffer.from(Array.from({ length: 9000 }, (_, at) => String((at * 7919) % 9973)).join()),
  );
  const utf16Text = Buffer.from('\ufeffa text of some words', 'utf16le');
  const lzmaHeader = Buffer.from([0x5d, 0, 0, 0x80, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
  const lzma = Buffer.concat([Buffer.from([0x5d, 0, 0, 0x80, 0]), noise]);
  test.each([
    ['of a format without a signature', noise, 'has compressed or encrypted data'],
    ['of a format that cannot be read here', lzma, 'is an archive of a kind'],
    ['behind a script', Buffer.concat([script, gzipSync(leak)]), `has gzip data at byte ${script.length}`],
    [
      'behind a text in UTF-16',
      Buffer.concat([utf16Text, gzipSync(leak)]),
      `has gzip data at byte ${utf16Text.length}`,
    ],
    ['of LZMA behind a script', Buffer.concat([script, lzmaHeader, noise]), `has LZMA data at byte ${script.length}`],
    ['behind a program', Buffer.concat([program, gzipSync(leak)]), `has gzip data at byte ${program.length}`],
    [
      'behind a padded gzip file',
      Buffer.concat([gzipSync('a'), Buffer.alloc(9), gzipSync(leak)]),
      'data behind its end',
    ],
    ['behind a tar archive', Buffer.concat([tarOf({ a: 'a' }), gzipSync(leak)]), 'data behind its end'],
  ])('%s', async (_where, bytes, line) => {
    for (const pieceBytes of [7, 100_000]) {
      const { error, unscanned } = await scan(contentOf(bytes, { pieceBytes }));
      expect(error).toBeUndefined();
      expect(unscanned).toEqual([expect.stringContaining(line)]);
    }
  });

  test('a member that the directory of a zip archive does not list', async () => {
    const hidden = zipOf({ hidden: leak });
    const member = hidden.subarray(0, hidden.indexOf('PK\u0001\u0002'));
    const zip = zipOf({ a: 'nothing', b: 'nothing' });
    const second = zip.indexOf('PK\u0003\u0004', 4);
    const script = Buffer.concat([Buffer.from('#!/bin/sh\n'), member]);
    for (const [at, bytes, position] of [
      [0, member, 0],
      [0, script, 10],
      [second, member, second],
      [second, Buffer.alloc(600, 1), second],
    ] as const) {
      const line = `it has data at byte ${position} that its directory does not list and that was not scanned`;
      for (const pieceBytes of [1, 7, 100_000]) {
        const { unscanned } = await scan(contentOf(withBytes(zip, at, bytes), { pieceBytes }));
        expect(unscanned).toEqual([expect.stringContaining(line)]);
      }
    }
  });

  test('an image and several compressed files in one are nothing that must be named', async () => {
    const png = Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), noise]);
    for (const bytes of [png, Buffer.concat([gzipSync('one'), gzipSync('two')]), program]) {
      expect(await scan(contentOf(bytes))).toMatchObject({ error: undefined, unscanned: [] });
    }
  });
});

describe('an archive that cannot be scanned completely is refused', () => {
  const zip = zipOf({ a: leak.slice(0, 10).repeat(300) });
  test.each([
    ['a damaged gzip file', Buffer.concat([gzipSync(Buffer.alloc(5000, 'x')).subarray(0, 20), Buffer.alloc(30, 9)])],
    ['a truncated gzip file', gzipSync(Buffer.from(leak.slice(0, 20))).subarray(0, 20)],
    ['a truncated tar archive', tarOf({ a: Buffer.alloc(2000, 'x') }).subarray(0, 1500)],
    ['a damaged tar archive', Buffer.concat([tarHeader('a', 0), Buffer.alloc(512, 'x')])],
    ['a truncated zip archive', zip.subarray(0, zip.length - 10)],
    ['an unknown compression method', zipOf({ a: 'text' }, { method: 14 })],
  ])('%s', async (_what, bytes) => {
    expect((await scan(contentOf(bytes))).error).toBeDefined();
  });

  const zeros = Buffer.alloc(40 * MiB);
  test.each([
    ['a zip bomb', zipOf({ zeros }), 'unpacks to more than 200 times'],
    ['a gzip bomb', gzipSync(zeros), 'unpacks to more than 200 times'],
    ['a zip bomb in a zip archive', zipOf({ a: zipOf({ zeros }) }), 'unpacks to more than 200 times'],
    ['a zip bomb in a large archive', tarOf({ 'a.gz': gzipSync(zeros), b: Buffer.alloc(3 * MiB, 1) }), '200 times'],
  ])('%s', async (_what, bytes, reason) => {
    expect((await scan(contentOf(bytes, { pieceBytes: 100_000 }))).error).toContain(reason);
  });

  test('a zip bomb is refused by its declared sizes, before anything is unpacked', async () => {
    const bytes = zipOf({ zeros, more: zeros, most: zeros });
    const whole = contentOf(bytes);
    let readBytes = 0;
    const readRange = (from: number, to: number) => {
      readBytes += to - from;
      return whole.random!.readRange(from, to);
    };
    await scan({ read: () => whole.read(), random: { sizeBytes: bytes.length, readRange } });
    expect(readBytes).toBeLessThan(70_000);
  });

  test('a zip archive whose members are larger than declared', async () => {
    const bytes = zipOf({ a: Buffer.alloc(1000, 'x') });
    const at = bytes.lastIndexOf('PK\u0001\u0002');
    bytes.writeUInt32LE(10, at + 24);
    expect((await scan(contentOf(bytes))).error).toBeDefined();
  });

  test('one with too many members, levels or bytes', async () => {
    const limits = { maxBytes: 1000, maxRatio: 200, freeBytes: 32 * MiB, maxMembers: 3, maxDepth: 2 };
    const members = { a: '', b: '', c: '', d: '' };
    expect((await scan(contentOf(zipOf(members)), limits)).error).toContain('more than 3 members');
    expect((await scan(contentOf(tarOf(members)), limits)).error).toContain('more than 3 members');
    expect((await scan(contentOf(gzipSync(gzipSync(gzipSync(leak)))), limits)).error).toContain('more than 2 archives');
    expect((await scan(contentOf(gzipSync(Buffer.alloc(2000))), limits)).error).toContain('more than 1000 bytes');
    expect((await scan(contentOf(zipOf({ a: Buffer.alloc(2000) })), limits)).error).toContain('more than 1000 bytes');
  });
});
