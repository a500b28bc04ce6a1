import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { requireApart } from './require-apart.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'apart-'));
  mkdirSync(join(folder, 'view/inner'), { recursive: true });
  symlinkSync(join(folder, 'view'), join(folder, 'link'));
  writeFileSync(join(folder, 'file'), '');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const check = (blobs: string, view: string) =>
  requireApart({ blobUrl: `file:${folder}/${blobs}`, jobViewRoot: join(folder, view) });

it.each([
  ['equal', 'view', 'view'],
  ['inside the view', 'view/blobs', 'view'],
  ['around the view', 'view', 'view/inner'],
  ['the view by a link', 'link', 'view'],
  ['inside the view by a link', 'link/inner', 'view'],
  ['around the view by a link', 'view', 'link/inner'],
  ['the view by dots', 'view/../view', 'view'],
])('a blob folder that is %s is refused, with both named', async (_how, blobs, view) => {
  await expect(check(blobs, view)).rejects.toThrow(/PROOFHOUSE_BLOB_URL.*AGENT_JOB_ARTIFACT_ROOT.*overlap/);
});

it('a file URL in any case of letters is looked at too', async () => {
  const url = pathToFileURL(join(folder, 'view')).href.replace('file:', 'FILE:');
  await expect(requireApart({ blobUrl: url, jobViewRoot: join(folder, 'view') })).rejects.toThrow(/overlap/);
});

it('where capitals make no other name, folders that differ by them are one', async () => {
  const folding = async (path: string): Promise<string> => path.toLowerCase();
  const config = { blobUrl: `file:${folder}/Shared/blobs`, jobViewRoot: join(folder, 'shared') };
  await expect(requireApart(config, folding)).rejects.toThrow(/overlap/);
});

it('neighbours are apart, also when the name of one begins as the other', async () => {
  await check('blobs', 'blobs-view');
  await check('a/blobs', 'a/view');
  // This is the default layout: the data folder contains the blob folder, the root of the job view and the database.
  await check('data/blobs', 'data/artifacts/agent_jobs');
});

it('storage that is no folder has nothing to keep apart', async () => {
  await requireApart({ blobUrl: 'memory:', jobViewRoot: join(folder, 'file') });
});

it('a place that cannot be a folder is named', async () => {
  await expect(check('blobs', 'file/view')).rejects.toThrow(/file\/view cannot be used \(ENOTDIR\)/);
});
