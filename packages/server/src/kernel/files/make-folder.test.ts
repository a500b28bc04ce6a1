import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFolder } from './make-folder.ts';

describe('makeFolder', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'make-folder-'));
  });
  afterEach(() => {
    rmSync(root, { recursive: true, force: true });
  });

  it('makes what is missing above it too, with the mode', () => {
    makeFolder(join(root, 'a/b/c'), 0o750);
    expect(statSync(join(root, 'a/b')).mode & 0o777).toBe(0o750);
    expect(statSync(join(root, 'a/b/c')).isDirectory()).toBe(true);
  });

  it('leaves a folder that exists as it is', () => {
    mkdirSync(join(root, 'kept'), { mode: 0o700 });
    makeFolder(join(root, 'kept'));
    expect(statSync(join(root, 'kept')).mode & 0o777).toBe(0o700);
  });

  it('fails below a file', () => {
    writeFileSync(join(root, 'file'), '');
    expect(() => makeFolder(join(root, 'file/below'))).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
  });

  it.skipIf(process.platform !== 'linux')('ends where the file system makes no folders', () => {
    expect(() => makeFolder('/proc/nothing/here')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });
});
