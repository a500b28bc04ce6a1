// Tests verification over HTTP on real files that were truncated, changed or replaced.
import { ownedBlob } from '@proofhouse/core';
import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { forAnyStore } from './support/for-each-store.ts';
import type { TestServer } from './support/test-server.ts';

interface Finding {
  kind: string;
  artifactId: string | null;
  place: string | null;
  message: string;
  repaired: boolean;
}

async function verify(t: TestServer, body: object = {}) {
  const findings: Finding[] = [];
  let hashedBytes = 0;
  for (let cursor: string | null | undefined; cursor !== null;) {
    const answer = await t.post('/api/storage/verify', { ...body, cursor });
    if (answer.status !== 200) throw new Error(answer.text);
    findings.push(...(answer.json.findings as Finding[]));
    hashedBytes += answer.json.hashedBytes as number;
    cursor = answer.json.nextCursor as string | null;
  }
  return { findings, hashedBytes };
}

/** Uploads an artifact. Returns its id and the path of the file that contains its bytes. */
async function stored(t: TestServer, jobId: string, name: string, file: string) {
  const answer = await t.put(jobId, { name, file });
  expect(answer.status).toBe(201);
  const artifact = await t.server.store.artifacts.find(answer.json.id as string);
  return { id: artifact!.id, place: t.server.blobs.localPath(ownedBlob(artifact!).key) ?? '' };
}

forAnyStore('verification', (harness) => {
  it('finds nothing in what uploads leave', async () => {
    const t = harness();
    const job = await t.enqueue();
    for (const name of ['a', 'b/c', 'b/d', 'a']) await stored(t, job.id, name, 'bytes');
    expect(await verify(t)).toEqual({ findings: [], hashedBytes: 20 });
    expect(await verify(t, { sample: 0 })).toEqual({ findings: [], hashedBytes: 0 });
  });

  it('reports bytes that are gone, cut, changed, or replaced by a link or a folder, and mends none of them', async () => {
    const t = harness();
    const job = await t.enqueue();
    const put = (name: string) => stored(t, job.id, name, 'the right bytes');
    const gone = await put('gone');
    unlinkSync(gone.place);
    const cut = await put('cut');
    truncateSync(cut.place, 3);
    const changed = await put('changed');
    writeFileSync(changed.place, 'THE RIGHT BYTES');
    const linked = await put('linked');
    const elsewhere = path.join(t.folder, 'elsewhere');
    writeFileSync(elsewhere, 'the right bytes');
    unlinkSync(linked.place);
    symlinkSync(elsewhere, linked.place);
    const folder = await put('folder');
    unlinkSync(folder.place);
    mkdirSync(folder.place);
    const planted = path.join(t.folder, 'blobs/blobs/q', 'q'.repeat(32));
    symlinkSync('/etc/passwd', planted);

    const { findings } = await verify(t, { repair: true });
    expect(findings.map(({ kind, artifactId, repaired }) => [kind, artifactId, repaired])).toEqual(
      expect.arrayContaining([
        ['row-without-bytes', gone.id, false],
        ...[cut, changed, linked, folder].map(({ id }) => ['row-with-wrong-bytes', id, false]),
        ['planted', null, false],
      ]),
    );
    expect(findings).toHaveLength(6);
    expect(JSON.stringify(findings)).not.toContain('q'.repeat(32));
    expect(readFileSync(changed.place, 'utf8')).toBe('THE RIGHT BYTES');
    expect(readFileSync(elsewhere, 'utf8')).toBe('the right bytes');
    // With `sample: 0`, no bytes are hashed and only sizes are compared. So changed bytes are not found.
    const cheap = (await verify(t, { sample: 0 })).findings.map(({ artifactId }) => artifactId);
    expect(cheap).not.toContain(changed.id);
    for (const { place } of [cut, changed, linked, folder]) rmSync(place, { recursive: true });
    rmSync(planted);
  });

  it('mends the job view when it is asked to: missing and outdated names are linked, leftovers removed, and nothing else', async () => {
    const t = harness();
    const job = await t.enqueue();
    const view = (name: string): string => path.join(t.viewRoot, job.id, name);
    for (const name of ['missing', 'foreign', 'fine']) await stored(t, job.id, name, `bytes of ${name}`);
    const older = await stored(t, job.id, 'deep/outdated', 'older');
    await stored(t, job.id, 'deep/outdated', 'bytes of deep/outdated');
    unlinkSync(view('missing'));
    unlinkSync(view('deep/outdated'));
    linkSync(older.place, view('deep/outdated'));
    linkSync(older.place, view('left-over'));
    unlinkSync(view('foreign'));
    writeFileSync(view('foreign'), 'mine, under the name of an artifact');
    writeFileSync(view('stray'), 'whose?');
    symlinkSync(t.folder, view('link'));
    mkdirSync(path.join(t.viewRoot, 'thesis/chapters'), { recursive: true });
    writeFileSync(path.join(t.viewRoot, 'thesis/chapters/one.txt'), 'years of work');
    mkdirSync(path.join(t.viewRoot, '0190a0a0-0000-7000-8000-000000000000'));
    const nobodys = '0190a0a0-0000-7000-8000-000000000000/notes.txt';
    writeFileSync(path.join(t.viewRoot, nobodys), 'of a job that is not there');
    const mine = (findings: readonly Finding[]) =>
      findings
        .filter(({ place }) => place?.startsWith(job.id) === true)
        .map(({ kind, place, repaired }) => [kind, place?.slice(37), repaired])
        .sort();
    const wrong = (repaired: boolean) => [
      ['view-foreign', 'foreign', false],
      ['view-foreign', 'link', false],
      ['view-foreign', 'stray', false],
      ['view-leftover', 'left-over', repaired],
      ['view-missing', 'missing', repaired],
      ['view-outdated', 'deep/outdated', repaired],
    ];
    expect(mine((await verify(t)).findings)).toEqual(wrong(false));
    expect(mine((await verify(t, { repair: true })).findings)).toEqual(wrong(true));
    const after = (await verify(t)).findings;
    expect(mine(after)).toEqual(wrong(true).slice(0, 3));
    expect(after.map(({ place }) => place)).toEqual(expect.arrayContaining(['thesis', nobodys]));
    expect(readFileSync(path.join(t.viewRoot, 'thesis/chapters/one.txt'), 'utf8')).toBe('years of work');
    expect(readFileSync(path.join(t.viewRoot, nobodys), 'utf8')).toBe('of a job that is not there');
    expect([readFileSync(view('stray'), 'utf8'), readFileSync(view('foreign'), 'utf8')]).toEqual([
      'whose?',
      'mine, under the name of an artifact',
    ]);
    expect(readFileSync(view('missing'), 'utf8')).toBe('bytes of missing');
    expect(readFileSync(view('deep/outdated'), 'utf8')).toBe('bytes of deep/outdated');
  });

  it('a shard folder that became a link is passed over and named, by collection too, and nothing behind it is touched', async () => {
    const t = harness();
    const shard = path.join(t.folder, 'blobs/blobs/w');
    const foreign = path.join(t.folder, 'foreign');
    const victim = path.join(foreign, 'w'.repeat(32));
    mkdirSync(foreign);
    writeFileSync(victim, 'not ours');
    utimesSync(victim, 0, 0);
    renameSync(shard, `${shard}-aside`);
    symlinkSync(foreign, shard);
    const planted = (await verify(t, { sample: 0 })).findings.filter(({ kind }) => kind === 'planted');
    expect(planted).toMatchObject([{ place: 'blobs/w' }]);
    for (const dryRun of [true, false]) {
      const skipped: string[] = [];
      for (let cursor: string | null | undefined; cursor !== null;) {
        const answer = await t.post('/api/storage/gc', { dryRun, cursor });
        expect(answer.status).toBe(200);
        skipped.push(...(answer.json.skipped as string[]));
        cursor = answer.json.nextCursor as string | null;
      }
      expect(skipped).toEqual(['blobs/w']);
    }
    expect(readFileSync(victim, 'utf8')).toBe('not ours');
    rmSync(shard);
    renameSync(`${shard}-aside`, shard);
  });

  it('reports old bytes without a record and old leftovers, not young ones', async () => {
    const t = harness();
    const orphan = path.join(t.folder, 'blobs/blobs/z', 'z'.repeat(32));
    const left = path.join(t.folder, 'blobs/staging', `${'z'.repeat(32)}.0123456789abcdef`);
    const kinds = async () =>
      (await verify(t, { sample: 0 })).findings.map(({ kind }) => kind).filter((kind) => /^(bytes|staging)/.test(kind));
    for (const file of [orphan, left]) writeFileSync(file, 'bytes');
    expect(await kinds()).toEqual([]);
    for (const file of [orphan, left]) utimesSync(file, 0, 0);
    expect(await kinds()).toEqual(['bytes-without-row', 'staging-leftover']);
    for (const file of [orphan, left]) rmSync(file);
  });

  it.each([
    [{ sample: 2 }, 422],
    [{ sample: -1 }, 422],
    [{ sample: 'all' }, 422],
    [{ cursor: 'nonsense' }, 400],
  ])('refuses %j', async (body, status) => {
    expect((await harness().post('/api/storage/verify', body)).status).toBe(status);
  });
});
