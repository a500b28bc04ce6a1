import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, renameSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { EvidenceFile } from './evidence-file.ts';

async function setUp() {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), 'evidence-file-')));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return { folder, file: path.join(folder, 'file') };
}

async function textOf(file: EvidenceFile): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of file.read()) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

test('a file that grows, is removed or is replaced during the read gives its content at the time of opening', async () => {
  const { file } = await setUp();
  writeFileSync(file, 'before');
  const opened = await EvidenceFile.open(file);
  appendFileSync(file, ' and after');
  expect(await textOf(opened)).toBe('before');
  unlinkSync(file);
  writeFileSync(file, 'another');
  expect(await textOf(opened)).toBe('before');
  await opened.close();
});

test('a file that shrinks during the read is an error, not a shorter file', async () => {
  const { file } = await setUp();
  writeFileSync(file, 'before');
  const opened = await EvidenceFile.open(file);
  truncateSync(file, 2);
  await expect(textOf(opened)).rejects.toThrow('it became shorter while it was read (2 of 6 bytes)');
  await opened.close();
});

test('a link in the place of the file, or of a folder above it, is refused', async () => {
  const { folder, file } = await setUp();
  mkdirSync(path.join(folder, 'real'));
  mkdirSync(path.join(folder, 'output'));
  writeFileSync(path.join(folder, 'real/file'), 'private');
  symlinkSync(path.join(folder, 'real/file'), file);
  await expect(EvidenceFile.open(file, { noFollow: true })).rejects.toMatchObject({ code: 'ELOOP' });
  mkdirSync(path.join(folder, 'output/sub'));
  renameSync(path.join(folder, 'output/sub'), path.join(folder, 'moved'));
  symlinkSync(path.join(folder, 'real'), path.join(folder, 'output/sub'));
  const below = path.join(folder, 'output');
  if (process.platform !== 'linux') return;
  const opening = EvidenceFile.open(path.join(below, 'sub/file'), { noFollow: true, below });
  await expect(opening).rejects.toThrow('replaced by a symbolic link');
});

test('a pipe in the place of the file is refused without blocking', async () => {
  const { file } = await setUp();
  execFileSync('mkfifo', [file]);
  await expect(EvidenceFile.open(file)).rejects.toThrow('not a regular file');
});
