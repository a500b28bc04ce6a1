import { ownedBlob } from '@proofhouse/core';
import { mkdtemp, readdir, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkStorage, compose, loadConfig, makeLogger, type Server } from '@proofhouse/server';

const token = 'a-token-of-forty-characters-for-tests-00';
let folder: string;
let server: Server;
let jobId: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'proofhouse-check-'));
  const env = {
    PROOFHOUSE_DATA_DIR: folder,
    PROOFHOUSE_DATABASE_URL: 'sqlite::memory:',
    PROOFHOUSE_ADMIN_TOKEN: token,
    PROOFHOUSE_MODE: 'test',
  };
  server = await compose(loadConfig({ env, flags: {} }), { logger: makeLogger('silent') });
  const made = await server.app.inject({
    method: 'POST',
    url: '/api/queue/jobs',
    payload: { type: 'exec', payload: { command: 'true' } },
    headers: { authorization: `Bearer ${token}`, host: 'localhost' },
  });
  jobId = made.json<{ id: string }>().id;
});

afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

/** Uploads an artifact. Returns its id and the path of the file that contains its bytes. */
async function stored(name: string, text: string): Promise<{ id: string; file: string }> {
  const { jobUploads } = server;
  const permit = await jobUploads.permitUpload({ kind: 'admin' }, jobId, undefined);
  const staged = await jobUploads.stage(permit, Readable.from([Buffer.from(text)]));
  const { artifact } = await jobUploads.add(permit, staged, { name, contentType: 'text/plain' });
  return { id: artifact.id, file: server.blobs.localPath(ownedBlob(artifact).key) ?? '' };
}

async function found(options: { hashBytes?: boolean; olderThan?: number } = {}) {
  const findings: object[] = [];
  const report = await checkStorage({
    store: server.store.artifacts,
    owners: server.store.blobOwners,
    blobs: server.blobs,
    viewRoot: server.config.jobViewRoot,
    olderThan: Infinity,
    onFinding: (finding) => findings.push(finding),
    ...options,
  });
  expect(Object.values(report.found).reduce((sum, count) => sum + count)).toBe(findings.length);
  return { findings, rows: report.rows, blobs: report.blobs };
}

const view = (...parts: string[]) => path.join(server.config.jobViewRoot, jobId, ...parts);

it('finds nothing wrong with what uploads leave, older versions of a name included', async () => {
  await stored('a.txt', 'one');
  await stored('a.txt', 'two');
  await stored('deep/er/b.txt', '');
  expect(await found({ hashBytes: true })).toEqual({ findings: [], rows: 3, blobs: 3 });
});

it('tells lost bytes from changed ones, and sees a changed byte only when it hashes', async () => {
  const lost = await stored('lost', 'lost');
  await unlink(lost.file);
  const cut = await stored('cut', 'much longer');
  await writeFile(cut.file, 'short');
  const changed = await stored('changed', 'right');
  await writeFile(changed.file, 'wrong');
  const cheap = [
    { kind: 'row-without-bytes', artifactId: lost.id },
    { kind: 'row-with-wrong-bytes', artifactId: cut.id },
  ];
  expect((await found()).findings).toEqual(expect.arrayContaining(cheap));
  expect((await found()).findings).toHaveLength(cheap.length);
  const all = [...cheap, { kind: 'row-with-wrong-bytes', artifactId: changed.id }];
  expect((await found({ hashBytes: true })).findings).toEqual(expect.arrayContaining(all));
});

it('finds bytes that no record names and what interrupted uploads left, unless they are young', async () => {
  const key = 'a'.repeat(32);
  await writeFile(path.join(folder, 'blobs/blobs/a', key), 'orphan');
  const name = `${key}.0123456789abcdef`;
  await writeFile(path.join(folder, 'blobs/staging', name), 'half');
  expect((await found()).findings).toEqual([
    { kind: 'bytes-without-row', key, sizeBytes: 6 },
    { kind: 'staging-leftover', name, sizeBytes: 4 },
  ]);
  expect((await found({ olderThan: 1000 })).findings).toEqual([]);
});

it('holds the job view to the newest bytes, takes copies for what they are, and names what does not belong', async () => {
  await stored('missing', 'gone');
  await unlink(view('missing'));
  await stored('outdated', 'new');
  await unlink(view('outdated'));
  await writeFile(view('outdated'), 'old');
  await stored('copied', 'same');
  await unlink(view('copied'));
  await writeFile(view('copied'), 'same');
  await writeFile(view('.abcdefghijklmnop.new'), '');
  const expected = [
    { kind: 'view-missing', path: `${jobId}/missing` },
    { kind: 'view-foreign', path: `${jobId}/outdated` },
    { kind: 'view-foreign', path: `${jobId}/.abcdefghijklmnop.new` },
  ];
  const { findings } = await found();
  expect(findings).toEqual(expect.arrayContaining(expected));
  expect(findings).toHaveLength(expected.length);
  expect(await readdir(view())).toHaveLength(3);
});
