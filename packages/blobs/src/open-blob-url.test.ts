import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeTemporaryRoot } from './backends/filesystem/temporary-root.ts';
import { expectCode } from './blob-backend.contract.ts';
import { openBlobBackend } from './open-blob-url.ts';

const key = 'a'.repeat(32);
let root: string;
let cleanup: () => Promise<void>;
beforeEach(async () => ({ root, cleanup } = await makeTemporaryRoot()));
afterEach(() => cleanup());

it.each([
  ['an absolute path', (path: string) => `file:${path}`],
  ['a relative path', (path: string) => `file:${relative(process.cwd(), path)}`],
  ['a file URL', (path: string) => pathToFileURL(path).href],
  ['a file URL of localhost', (path: string) => pathToFileURL(path).href.replace('file://', 'FILE://localhost')],
])('%s names a folder', async (_, url) => {
  const folder = join(root, 'with space', '100%25');
  const backend = await openBlobBackend(url(folder));
  expect(backend.kind).toBe('filesystem');
  expect(backend.localPath(key)).toBe(join(folder, 'blobs', 'a', key));
  await backend.close();
});

it('memory is used only where it is allowed', async () => {
  const backend = await openBlobBackend('memory:', { allowMemory: true });
  expect(backend.kind).toBe('memory');
  await expectCode(openBlobBackend('memory:'), 'invalid_request');
  await expectCode(openBlobBackend('memory://x', { allowMemory: true }), 'invalid_request');
});

it.each(['s3://key:secret@bucket/prefix', 'gs://secret/prefix'])('%s is unsupported, and not repeated', async (url) => {
  const attempt = openBlobBackend(url, { allowMemory: true });
  await expect(attempt).rejects.toMatchObject({
    code: 'unsupported',
    message: expect.stringContaining('file:var/blobs'),
  });
  await expect(attempt).rejects.not.toMatchObject({ message: expect.stringContaining('secret') });
});

it.each([
  '',
  'var/blobs',
  '/srv/blobs',
  'ftp://secret/x',
  'file:',
  'file://elsewhere/srv',
  'file:///',
  'file:///a%2Fb',
  'file:a\0b',
])('%j is refused with what is accepted', async (url) => {
  const attempt = openBlobBackend(url, { allowMemory: true });
  await expect(attempt).rejects.toMatchObject({ code: 'invalid_request', message: expect.stringContaining('memory:') });
});
