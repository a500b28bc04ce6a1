// Fuzzes artifact names. An accepted name must be in normal form and must be a path below its root folder. Two
// different names must not be the same path.
import assert from 'node:assert/strict';
import path from 'node:path';
import { baseName, foldersOf, isAppError, maxNameLength, maxNameParts, normalizeArtifactName } from '@proofhouse/core';
import { cleanFilename } from '../../packages/server/src/artifacts/clean-filename.ts';
import { refusalOr } from '../app-error-of.ts';

/**
 * The first byte selects how the rest is decoded: 1 means UTF-16, any other value UTF-8. Only UTF-16 can contain a lone
 * surrogate.
 */
export function fuzz(data: Buffer): void {
  const raw = data.subarray(1).toString(data[0] === 1 ? 'utf16le' : 'utf8');
  checkFilename(raw);
  const name = refusalOr(() => normalizeArtifactName(raw), 'invalid_artifact_name');
  if (isAppError(name)) {
    assert.ok(name.message.length < 700, 'a refusal repeats all it was given');
    return;
  }
  assert.equal(normalizeArtifactName(name), name, 'it changes when it is normalised again');
  const parts = name.split('/');
  assert.ok(name.length <= maxNameLength && parts.length <= maxNameParts, 'it is too long');
  assert.ok(parts.every((part) => part !== '' && part !== '.' && part !== '..' && Buffer.byteLength(part) <= 255));
  assert.ok(!/\\|\p{Cc}|\p{Cs}/u.test(name), 'it has a backslash, a control character or half a character');
  assert.equal(path.posix.normalize(`/below/${name}`), `/below/${name}`, 'as a path it is another');
  assert.equal(path.win32.isAbsolute(name), false, 'it is absolute elsewhere');
  assert.equal([...foldersOf(name), name].length, parts.length);
  assert.equal(baseName(name), parts.at(-1));
  const url = parts.map(encodeURIComponent).join('/');
  assert.ok(new URL(url, 'http://host/below/').pathname.startsWith('/below/'), 'as a URL it leaves its folder');
}

function checkFilename(raw: string): void {
  const kept = cleanFilename(raw);
  if (kept === null) return;
  assert.ok(Buffer.byteLength(kept) <= 255 && !/[/\\]|\p{Cc}|\p{Cs}/u.test(kept) && kept !== '.' && kept !== '..');
  assert.equal(cleanFilename(kept), kept, 'a filename changes when it is cleaned again');
}

export const words = [
  'a\0\u0300',
  '\u0301',
  '../',
  './',
  '\\',
  '//',
  'C:',
  'C:/',
  '%2e',
  '~',
  '\u2028',
  ' ',
  '. ',
  '.',
  '..',
];

export const seeds = [
  '8a/b/c.txt',
  '8 ./a\\b',
  '8C:/x',
  '8./ ./ C:',
  Buffer.from('\x01a\0/\0b\0', 'latin1'),
  '8é/日.log',
];
