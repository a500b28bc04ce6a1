// Previews of artifacts: which types are shown, with which headers.
import { expect, it } from 'vitest';
import { forAnyStore } from './support/for-each-store.ts';
import type { TestServer } from './support/test-server.ts';

forAnyStore('a preview', (harness) => {
  const preview = async (t: TestServer, contentType: string, headers = {}, file = '<svg onload="alert(1)"/>') => {
    const upload = { name: 'a/ä.bin', file, fields: { contentType } };
    const { id } = (await t.upload((await t.enqueue()).id, upload)).json as { id: string };
    return t.get(`/api/artifacts/${id}/preview`, 'admin', headers);
  };

  it.each([
    ['text/html', 'text/plain; charset=utf-8'],
    ['image/svg+xml', 'text/plain; charset=utf-8'],
    ['application/xml', 'text/plain; charset=utf-8'],
    ['text/x-diff; charset=latin1', 'text/plain; charset=utf-8'],
    ['image/png', 'image/png'],
  ])('of %s is inline as %s, in a sandbox', async (type, shown) => {
    const answer = await preview(harness(), type);
    expect(answer).toMatchObject({ status: 200, text: '<svg onload="alert(1)"/>' });
    expect(answer.headers).toMatchObject({
      'content-type': shown,
      'content-security-policy': "sandbox; default-src 'none'",
      'cross-origin-resource-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      'content-disposition': expect.stringMatching(/^inline; filename/) as string,
      'cache-control': 'private',
    });
  });

  it('serves ranges and conditional requests as a download does', async () => {
    const t = harness();
    const part = await preview(t, 'video/mp4', { range: 'bytes=1-3' }, '0123456789');
    expect(part).toMatchObject({ status: 206, text: '123', headers: { 'content-range': 'bytes 1-3/10' } });
    const same = await preview(t, 'video/mp4', { 'if-none-match': part.headers['etag'] }, '0123456789');
    expect(same.status).toBe(304);
  });

  it('is refused for other types, pointers, and callers that may not read', async () => {
    const t = harness();
    for (const type of ['application/octet-stream', 'application/zip', 'font/woff2']) {
      const answer = await preview(t, type);
      expect(answer, type).toMatchObject({ status: 415, json: { code: 'unsupported_media_type' } });
      expect(answer.headers['content-disposition']).toBeUndefined();
    }
    const link = { type: 'report', title: 'T', storageUri: 'https://h.example/a', contentType: 'text/plain' };
    const { id } = (await t.post('/api/artifacts', link)).json.artifact as { id: string };
    const url = `/api/artifacts/${id}/preview`;
    expect(await t.get(url)).toMatchObject({ status: 409, json: { code: 'not_owned', storageUri: link.storageUri } });
    expect((await t.get(url, await t.worker())).status).toBe(403);
  });

  it('of a download stays an attachment', async () => {
    const t = harness();
    const { id } = (await t.put((await t.enqueue()).id, { name: 'a.html' })).json as { id: string };
    const { headers } = await t.get(`/api/artifacts/${id}/content`);
    expect(headers['content-disposition']).toMatch(/^attachment; filename/);
  });
});
