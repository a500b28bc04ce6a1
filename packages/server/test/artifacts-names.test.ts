// Tests artifact names: which names are distinct, which are refused, and that a symbolic link never leads outside of
// the job view.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { forAnyStore } from './support/for-each-store.ts';
import { refusedWithoutTrace } from './support/leftovers.ts';
import { head, sendRaw } from './support/raw-socket.ts';
import { adminToken } from './support/test-server.ts';

const admin = { Host: 'localhost', Authorization: `Bearer ${adminToken}` };
const part = 'a'.repeat(255);

/** Pairs of two names: the name that the client sends, and the resulting name of the artifact. */
const allowed: [string, string][] = [
  ['run.log', 'run.log'],
  ['  run.log  ', 'run.log'],
  ['./a/./b//c.txt', 'a/b/c.txt'],
  [String.raw`a\b\c.txt`, 'a/b/c.txt'],
  ['a%2Fb%00.txt', 'a%2Fb%00.txt'],
  ['100%', '100%'],
  ['...', '...'],
  ['..a/b..', '..a/b..'],
  ['a b;c=d?e#f&g.txt', 'a b;c=d?e#f&g.txt'],
  ['日本語/ü.txt', '日本語/ü.txt'],
  ['-rf', '-rf'],
  ['CON', 'CON'],
  ['a\u2028b', 'a\u2028b'],
  [part, part],
  [`${part}/${part}`, `${part}/${part}`],
  ['é'.repeat(127), 'é'.repeat(127)],
  [Array.from({ length: 32 }, () => 'p').join('/'), Array.from({ length: 32 }, () => 'p').join('/')],
  [`${'b'.repeat(255)}/${'c'.repeat(254)}/d`, `${'b'.repeat(255)}/${'c'.repeat(254)}/d`],
];

const refused: string[] = [
  '',
  '   ',
  '.',
  './',
  '/',
  '/etc/passwd',
  '//host/share',
  String.raw`\\host\share`,
  'C:/windows',
  String.raw`c:\windows`,
  '..',
  '../a',
  'a/..',
  'a/../b',
  'a/b/../../c',
  String.raw`..\a`,
  String.raw`a\..\b`,
  ' ../a',
  'a/',
  'a/.',
  'nul\u0000.txt',
  'a\u0001b',
  'line\nbreak',
  'a\u007fb',
  'a\u0085b',
  `${part}a`,
  'é'.repeat(128),
  `${part}/${part}/a`,
  `${'日'.repeat(85)}/`.repeat(6) + '日'.repeat(3),
  Array.from({ length: 33 }, () => 'p').join('/'),
];

forAnyStore('names', (harness) => {
  describe.each(['form', 'raw body'])('in a %s', (how) => {
    const send = (jobId: string, name: string) => {
      const t = harness();
      return how === 'form' ? t.upload(jobId, { name }) : t.put(jobId, { name });
    };

    it.each(allowed)('%.40j is kept as %.40j', async (given, kept) => {
      const t = harness();
      const job = await t.enqueue();
      const answer = await send(job.id, given);
      expect(answer).toMatchObject({ status: 201, json: { name: kept, storagePath: `${job.id}/${kept}` } });
      expect(readFileSync(join(t.viewRoot, job.id, kept), 'utf8')).toBe('bytes');
      const query = new URLSearchParams({ name: given });
      const found = await t.get(`/api/queue/jobs/${job.id}/artifacts?${query.toString()}`);
      expect(found.json.items).toEqual([answer.json]);
    });

    it.each(refused)('%.40j is refused, and nothing is left', async (name) => {
      const t = harness();
      const job = await t.enqueue();
      const answer = await refusedWithoutTrace(t, job.id, () => send(job.id, name));
      expect(answer).toMatchObject({
        status: 422,
        json: { code: 'invalid_artifact_name', errors: [{ path: 'name' }] },
      });
      expect(existsSync(join(t.viewRoot, job.id))).toBe(false);
    });
  });

  it.each([
    ['..', 422],
    ['%2e%2e', 422],
    ['.%2e/a', 422],
    ['a/../b', 422],
    ['a/%2e%2e/b', 422],
    ['..%2fa', 422],
    ['..%5ca', 422],
    ['%2fetc', 422],
    ['//a', 422],
    ['a%00b', 422],
    ['a%0ab', 422],
    ['a%7fb', 422],
    ['%20', 422],
    ['', 422],
    ['a%zz', 400],
    ['a%ff', 400],
    ['a%', 400],
    ['%ed%a0%80', 400],
  ])('on the wire, the path %j is answered %i, decoded once', async (path, status) => {
    const t = harness();
    const job = await t.enqueue();
    const line = `PUT /api/queue/jobs/${job.id}/artifacts/${path} HTTP/1.1`;
    const port = await t.listen();
    const answer = await refusedWithoutTrace(t, job.id, () =>
      sendRaw(port, `${head(line, { ...admin, 'Content-Length': 5 })}bytes`),
    );
    expect(answer.status).toBe(status);
    expect(answer.json.code).toBe(status === 400 ? 'bad_request' : 'invalid_artifact_name');
  });

  it.each([
    ['a%2Fb.txt', 'a/b.txt'],
    ['a%252Fb.txt', 'a%2Fb.txt'],
    ['%252e%252e', '%2e%2e'],
    ['100%25', '100%'],
    ['a+b.txt', 'a+b.txt'],
    ['%C3%A9.txt', 'é.txt'],
    ['a%3Fb%23c', 'a?b#c'],
    ['x;y=z', 'x;y=z'],
  ])('on the wire, the path %j names %j', async (path, name) => {
    const t = harness();
    const job = await t.enqueue();
    const line = `PUT /api/queue/jobs/${job.id}/artifacts/${path} HTTP/1.1`;
    const answer = await sendRaw(await t.listen(), `${head(line, { ...admin, 'Content-Length': 5 })}bytes`);
    expect(answer).toMatchObject({ status: 201, json: { name } });
  });

  it('that look alike but are other code points are other names', async () => {
    const t = harness();
    const job = await t.enqueue();
    await t.upload(job.id, { name: 'é.txt'.normalize('NFC'), file: 'composed' });
    await t.upload(job.id, { name: 'é.txt'.normalize('NFD'), file: 'decomposed' });
    await t.upload(job.id, { name: 'É.TXT', file: 'upper' });
    expect(new Set((await t.artifacts(job.id)).map((artifact) => artifact.name)).size).toBe(3);
    for (const [form, bytes] of [
      ['NFC', 'composed'],
      ['NFD', 'decomposed'],
    ] as const) {
      expect(readFileSync(join(t.viewRoot, job.id, 'é.txt'.normalize(form)), 'utf8')).toBe(bytes);
    }
  });

  it('cannot be a file and a folder, whichever came first', async () => {
    const t = harness();
    const job = await t.enqueue();
    await t.upload(job.id, { name: 'a/b' });
    for (const name of ['a', 'a/b/c', 'a/b/c/d']) {
      const answer = await refusedWithoutTrace(t, job.id, () => t.upload(job.id, { name }));
      expect(answer).toMatchObject({ status: 422, json: { code: 'invalid_artifact_name' } });
    }
    expect((await t.upload(job.id, { name: 'a/c' })).status).toBe(201);
    const other = await t.enqueue();
    expect((await t.upload(other.id, { name: 'a' })).status).toBe(201);
  });

  it('cannot be a file and a folder when both come at once', async () => {
    const t = harness();
    for (let round = 0; round < 5; round++) {
      const job = await t.enqueue();
      const names = ['x', 'x/y', 'x/y/z', 'x', 'x/y'];
      const answers = await Promise.all(names.map((name) => t.upload(job.id, { name })));
      const kept = new Set(answers.filter(({ status }) => status === 201).map(({ json }) => json.name as string));
      expect(kept.size).toBe(1);
      expect(answers.every(({ status }) => status === 201 || status === 422)).toBe(true);
      expect(new Set((await t.artifacts(job.id)).map(({ name }) => name))).toEqual(kept);
    }
  });

  it('through a planted symbolic link neither write nor read outside', async () => {
    const t = harness();
    const outside = mkdtempSync(join(tmpdir(), 'outside-'));
    writeFileSync(join(outside, 'victim.txt'), 'untouched');
    const job = await t.enqueue();
    mkdirSync(join(t.viewRoot, job.id), { recursive: true });
    symlinkSync(outside, join(t.viewRoot, job.id, 'folder'));
    symlinkSync(join(outside, 'victim.txt'), join(t.viewRoot, job.id, 'file.txt'));
    const inFolder = await t.upload(job.id, { name: 'folder/victim.txt', file: 'ours' });
    const asFile = await t.upload(job.id, { name: 'file.txt', file: 'ours' });
    const linkedJob = await t.enqueue();
    symlinkSync(outside, join(t.viewRoot, linkedJob.id));
    const inJob = await t.upload(linkedJob.id, { name: 'victim.txt', file: 'ours' });
    expect([inFolder.status, asFile.status, inJob.status]).toEqual([201, 201, 201]);
    expect(readFileSync(join(outside, 'victim.txt'), 'utf8')).toBe('untouched');
    expect(readdirSync(outside)).toEqual(['victim.txt']);
    for (const { json } of [inFolder, asFile, inJob]) expect((await t.download(json)).text).toBe('ours');
    rmSync(outside, { recursive: true });
  });

  it('of files in the job view can be changed by anybody without changing what is served', async () => {
    const t = harness();
    const job = await t.enqueue();
    const { json } = await t.upload(job.id, { name: 'a.txt', file: 'ours' });
    const path = join(t.viewRoot, job.id, 'a.txt');
    rmSync(path);
    symlinkSync('/etc/hostname', path);
    expect((await t.download(json)).text).toBe('ours');
    await t.upload(job.id, { name: 'a.txt', file: 'newer' });
    expect(readFileSync(path, 'utf8')).toBe('newer');
  });
});
