// Fuzzes the rule for stored URLs. An accepted URL must be the same URL to a browser, must stay accepted in the form in
// which a browser writes it, and must have no credential that the URL parser of the platform finds.
import assert from 'node:assert/strict';
import { judgeStorageUri, linkObjection, metadataViolation } from '@proofhouse/core';
import { acceptedUrls, refusedUrls } from '../../packages/core/src/testing/url-corpus.ts';

const credentials = [
  ...['token', 'access_token', 'id_token', 'sig', 'signature', 'password', 'api_key', 'client_secret'],
  ...['x-amz-signature', 'x-amz-credential', 'x-goog-signature', 'key-pair-id'],
];

/** The first byte selects the mode of the server. */
export function fuzz(data: Buffer): void {
  const text = data.subarray(1).toString('utf8');
  metadataViolation({ text }, () => undefined);
  const mode = (['none', 'uri', 'path'] as const)[(data[0] ?? 0) % 3] ?? 'none';
  const judged = judgeStorageUri(text, mode);
  if (judged.objection !== undefined) {
    assert.notEqual(linkObjection(text), undefined, 'a link is accepted that is refused as URI');
    return;
  }
  const { uri, provider } = judged;
  assert.deepEqual(judgeStorageUri(uri, mode), judged, 'it is judged otherwise when it is stored again');
  assert.ok(uri.length <= 2060 && !/[\s\p{Cc}\p{Cf}]/u.test(uri), 'it is too long or has a hidden character');
  assert.equal(
    metadataViolation({ uri }, () => undefined),
    undefined,
    'metadata refuses what is accepted as URI',
  );
  if (['s3', 'gcs', 'local-dev'].includes(provider)) return;
  assert.equal(linkObjection(uri), undefined, 'it is refused as link');
  const url = new URL(uri);
  assert.ok(url.hostname !== '' && url.username === '' && url.password === '', 'it has a user');
  const parameters = [url.searchParams, new URLSearchParams(url.hash.slice(1))].flatMap((each) => [...each]);
  for (const [name, value] of parameters)
    assert.ok(value === '' || !credentials.includes(name.toLowerCase()), `it has the parameter ${name}`);
  const written = judgeStorageUri(url.href, mode);
  if (url.href.length > 2048) return;
  assert.deepEqual(written, { uri: url.href, provider }, 'a browser writes it in a form that is judged otherwise');
}

export const words = [
  ...['https://', 'http:', 's3://b/k', 'gs://b/k', 'local-dev://', 'file:', 'javascript:', 'data:,', '//', '\\\\'],
  ...['github.com', 'dl.dropboxusercontent.com', 'drive.google.com', '[::1]', ':443', 'user:pw@', '@', '.', '。'],
  ...['?token=1', '#access_token=1', '&sig=1', ';password=1', '%3f', '%3d', '%26', '%25', '%74oken', '=', '&amp;'],
  ...['\t', '\n', ' ', '\u202e', '\u00ad', '\uff47', '\\u0026', '<', '"'],
];

export const seeds = [...acceptedUrls, ...refusedUrls].map(({ url }, index) => `${String(index % 3)}${url}`);
