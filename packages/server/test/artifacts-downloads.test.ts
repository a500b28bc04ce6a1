// Tests lists and downloads of artifacts: the order of the checks, headers, ranges and conditions.
import { createHash } from 'node:crypto';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { forAnyStore } from './support/for-each-store.ts';

const unknown = '00000000-0000-7000-8000-000000000000';
const text = '0123456789';
const sha256 = createHash('sha256').update(text).digest();
const etag = `"${sha256.toString('hex')}"`;

forAnyStore('downloads', (harness) => {
  const stored = async (file: string | Buffer = text, name = 'a.bin', contentType = 'application/x-thing') => {
    const t = harness();
    const job = await t.enqueue();
    const answer = await t.upload(job.id, { name, file, fields: { contentType } });
    return answer.json as { id: string; jobId: string };
  };

  it('check the job, then the artifact, then that they belong together', async () => {
    const t = harness();
    const artifact = await stored();
    const other = await t.enqueue();
    const code = async (jobId: string, id: string) => {
      const answer = await t.download({ jobId, id });
      return `${answer.status} ${answer.json.code as string}`;
    };
    expect(await code(unknown, artifact.id)).toBe('404 job_not_found');
    expect(await code(unknown, unknown)).toBe('404 job_not_found');
    expect(await code(artifact.jobId, unknown)).toBe('404 artifact_not_found');
    expect(await code(artifact.jobId, 'nonsense')).toBe('404 artifact_not_found');
    expect(await code(other.id, artifact.id)).toBe('409 artifact_job_mismatch');
  });

  it('carry the headers that keep a browser from running them', async () => {
    const answer = await harness().download(await stored());
    expect(answer.headers).toMatchObject({
      'content-type': 'application/x-thing',
      'content-length': '10',
      'x-content-type-options': 'nosniff',
      'accept-ranges': 'bytes',
      etag,
      'repr-digest': `sha-256=:${sha256.toString('base64')}:`,
    });
    expect(answer.headers['content-disposition']).toMatch(/^attachment/);
  });

  it.each(['text/html', 'text/plain; charset=ISO-8859-1', 'application/json', 'nonsense', 'a/b; q="x"'])(
    'carry the content type %j verbatim',
    async (contentType) => {
      expect((await harness().download(await stored('{}', 'a', contentType))).headers['content-type']).toBe(
        contentType,
      );
    },
  );

  it.each([
    ['plain.txt', /^attachment; filename="?plain\.txt"?$/],
    ['a"b.txt', /filename="a\\"b\.txt"/],
    ['a;b=c.txt', /filename="a;b=c\.txt"/],
    ['ünï 🚀.txt', /filename\*=UTF-8''%C3%BCn%C3%AF%20%F0%9F%9A%80\.txt/],
    ['100%25.txt', /filename\*?=/],
    ["it's.txt", /filename="?it's\.txt"?/],
    ['.hidden', /filename="?\.hidden"?/],
  ])('name the file %j in Content-Disposition safely', async (name, pattern) => {
    const disposition = (await harness().download(await stored(text, `folder/${name}`))).headers['content-disposition'];
    expect(disposition).toMatch(pattern);
    expect(disposition).not.toMatch(/folder/);
    expect(disposition).toMatch(/^[\x20-\x7e]+$/);
  });

  it.each([
    ['bytes=0-', '0123456789', 'bytes 0-9/10'],
    ['bytes=0-0', '0', 'bytes 0-0/10'],
    ['bytes=3-5', '345', 'bytes 3-5/10'],
    ['bytes=9-', '9', 'bytes 9-9/10'],
    ['bytes=5-999', '56789', 'bytes 5-9/10'],
    ['bytes=-3', '789', 'bytes 7-9/10'],
    ['bytes=-999', '0123456789', 'bytes 0-9/10'],
    ['BYTES=1-1', '1', 'bytes 1-1/10'],
  ])('of the range %s give 206 and just these bytes', async (range, body, contentRange) => {
    const answer = await harness().download(await stored(), { range });
    expect([answer.status, answer.text, answer.headers['content-range']]).toEqual([206, body, contentRange]);
    expect(answer.headers['content-length']).toBe(String(body.length));
    expect(answer.headers['etag']).toBe(etag);
  });

  it.each(['bytes=10-', 'bytes=10-20', 'bytes=-0', 'bytes=99999999999999999999-'])(
    'of the range %s are 416',
    async (range) => {
      const answer = await harness().download(await stored(), { range });
      expect(answer).toMatchObject({ status: 416, headers: { 'content-range': 'bytes */10' } });
      expect(answer.headers['content-type']).toMatch(/problem\+json/);
      for (const name of ['etag', 'repr-digest', 'content-disposition'])
        expect(answer.headers).not.toHaveProperty(name);
    },
  );

  it.each(['bytes=0-1,4-5', 'bytes=5-3', 'bytes=-', 'bytes=', 'bytes=a-b', 'items=0-1', 'nonsense'])(
    'of the range %s give everything',
    async (range) => {
      expect(await harness().download(await stored(), { range })).toMatchObject({ status: 200, text });
    },
  );

  it('of an empty artifact are empty, and any range of it is 416', async () => {
    const t = harness();
    const artifact = await stored('');
    expect(await t.download(artifact)).toMatchObject({ status: 200, text: '', headers: { 'content-length': '0' } });
    expect((await t.download(artifact, { range: 'bytes=0-' })).status).toBe(416);
  });

  it.each([
    [etag, 304],
    [`W/${etag}`, 304],
    ['*', 304],
    [`"other", ${etag}`, 304],
    ['"other"', 200],
    [etag.replaceAll('"', ''), 200],
  ])('with If-None-Match %.20s are answered %i', async (header, status) => {
    const answer = await harness().download(await stored(), { 'if-none-match': header });
    expect(answer.status).toBe(status);
    expect(answer.text).toBe(status === 304 ? '' : text);
    expect(answer.headers['etag']).toBe(etag);
  });

  it.each([
    [etag, 206],
    ['"other"', 200],
    [`W/${etag}`, 200],
    ['Thu, 01 Jan 2026 00:00:00 GMT', 200],
  ])('of a range with If-Range %.20s are answered %i', async (header, status) => {
    const answer = await harness().download(await stored(), { range: 'bytes=0-1', 'if-range': header });
    expect([answer.status, answer.text]).toEqual([status, status === 206 ? '01' : text]);
  });

  it('by HEAD have the headers of GET and no body, whatever the range', async () => {
    const t = harness();
    const artifact = await stored();
    const url = `/api/queue/jobs/${artifact.jobId}/artifacts/${artifact.id}/download`;
    const got = await t.get(url);
    for (const headers of [{}, { range: 'bytes=0-1' }, { range: 'bytes=99-' }]) {
      const answer = await t.call('HEAD', url, { headers });
      expect([answer.status, answer.text]).toEqual([200, '']);
      for (const name of ['content-length', 'content-type', 'etag', 'repr-digest', 'content-disposition']) {
        expect(answer.headers[name]).toBe(got.headers[name]);
      }
    }
  });

  it('of bytes that were changed on the disk are refused, not served', async () => {
    const t = harness();
    const artifact = await stored('the true bytes');
    for (const file of t.files().filter((path) => statSync(path).size === 14)) writeFileSync(file, 'the evil bytes');
    const answer = await t.download(artifact);
    expect(answer).toMatchObject({ status: 500, json: { code: 'integrity_failure' } });
    expect(answer.headers).not.toHaveProperty('etag');
    expect(answer.text).not.toContain(t.folder);
    expect((await t.download(artifact, { range: 'bytes=0-3' })).status).toBe(500);
  });

  it('of a large artifact come whole, and by range from the middle', async () => {
    const t = harness();
    const file = Buffer.alloc(1_500_000, 'abcdefghij');
    const artifact = await stored(file);
    expect((await t.download(artifact)).bytes.equals(file)).toBe(true);
    const middle = await t.download(artifact, { range: 'bytes=700001-700010' });
    expect(middle.text).toBe('bcdefghija');
  });
});

forAnyStore('the list of a job', (harness) => {
  it('has every version, newest first, by page and by name', async () => {
    const t = harness();
    const job = await t.enqueue();
    for (const name of ['a', 'b', 'a', 'c', 'a']) {
      t.clock.advance(1);
      await t.upload(job.id, { name });
    }
    const url = `/api/queue/jobs/${job.id}/artifacts`;
    const names: string[] = [];
    let cursor = '';
    do {
      const page = (await t.get(`${url}?limit=2${cursor}`)).json;
      names.push(...page.items.map((item: { name: string }) => item.name));
      cursor = page.nextCursor === null ? '' : `&cursor=${page.nextCursor as string}`;
    } while (cursor !== '');
    expect(names).toEqual(['a', 'c', 'a', 'b', 'a']);
    expect((await t.get(`${url}?name=a`)).json.items).toHaveLength(3);
    expect((await t.get(`${url}?name=./a`)).json.items).toHaveLength(3);
    expect((await t.get(`${url}?name=nothing`)).json).toEqual({ items: [], nextCursor: null });
    const first = (await t.get(`${url}?limit=1`)).json.nextCursor as string;
    expect(await t.get(`${url}?name=a&cursor=${first}`)).toMatchObject({
      status: 400,
      json: { code: 'invalid_cursor' },
    });
    const other = await t.enqueue();
    expect((await t.get(`/api/queue/jobs/${other.id}/artifacts?cursor=${first}`)).status).toBe(400);
  });

  it.each([
    ['limit=0', 422, 'invalid_request'],
    ['limit=501', 422, 'invalid_request'],
    ['name=..', 422, 'invalid_artifact_name'],
    ['name=%00', 422, 'invalid_artifact_name'],
    ['name=', 422, 'invalid_artifact_name'],
    ['nonsense=1', 422, 'invalid_request'],
    ['cursor=x', 400, 'invalid_cursor'],
  ])('?%s is %i', async (query, status, code) => {
    const t = harness();
    const job = await t.enqueue();
    expect(await t.get(`/api/queue/jobs/${job.id}/artifacts?${query}`)).toMatchObject({ status, json: { code } });
  });

  it('of an unknown job is 404', async () => {
    const answer = await harness().get(`/api/queue/jobs/${unknown}/artifacts?name=a`);
    expect(answer).toMatchObject({ status: 404, json: { code: 'job_not_found' } });
  });

  it('never shows where the bytes lie', async () => {
    const t = harness();
    const job = await t.enqueue();
    await t.upload(job.id, { name: 'a' });
    const listed = await t.get(`/api/queue/jobs/${job.id}/artifacts`);
    expect(listed.text).not.toContain(t.folder);
    for (const blob of readdirSync(join(t.folder, 'blobs'), { recursive: true }).map(String)) {
      const key = blob.split('/').at(-1) ?? '';
      if (key.length === 32) expect(listed.text).not.toContain(key);
    }
  });
});
