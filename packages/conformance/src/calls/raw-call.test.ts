import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { depositForm, multipart } from './multipart-body.ts';
import { isUri } from '../expectations/published-schemas.ts';
import { chunked, rawCall } from './raw-call.ts';

/**
 * Starts a server that answers every request with `bytes`. If `bytes` is null, the server closes the connection without
 * an answer. Calls `look` with the URL of this server. `received` returns all bytes that the server has received.
 */
async function answering<T>(
  bytes: string | null,
  look: (url: string, received: () => string) => Promise<T>,
): Promise<T> {
  let received = '';
  const server = createServer((socket) => {
    socket
      .on('error', () => undefined)
      .on('data', (chunk) => {
        received += chunk.toString('latin1');
        if (bytes === null) socket.destroy();
        else socket.write(bytes, 'latin1');
      });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    return await look(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}/base`, () => received);
  } finally {
    server.close();
  }
}

test.each([
  ['HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno', 401, 'no'],
  ['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok', 201, 'ok'],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n', 200, 'abc'],
  ['HTTP/1.1 204 No Content\r\n\r\n', 204, ''],
])('%j is read as it was said', async (bytes, status, text) => {
  const answer = await answering(bytes, (url) => rawCall(url, 'POST', '/x?y=1', { body: [Buffer.from('half')] }));
  expect([answer?.status, answer?.text]).toEqual([status, text]);
  expect(answer?.request).toBe('POST /x?y=1');
});

test.each([
  ['silence', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'],
  ['a closed connection', null],
])('%s is no answer', async (_, bytes) => {
  expect(await answering(bytes, (url) => rawCall(url, 'GET', '/', { waitMs: 100 }))).toBeUndefined();
});

test('headers are sent unchanged, lists of them one after another', async () => {
  const said = await answering('HTTP/1.1 204 No Content\r\n\r\n', async (url, received) => {
    await rawCall(url, 'GET', '/x', { headers: { 'X-Twice': ['1', '2'] } });
    return received();
  });
  expect(said).toMatch(/^GET \/base\/x HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\nX-Twice: 1\r\nX-Twice: 2\r\n\r\n$/);
});

test('bodies are sent unchanged', () => {
  expect(Buffer.concat(chunked([Buffer.from('hello')])).toString()).toBe('5\r\nhello\r\n0\r\n\r\n');
  const { body, contentType } = depositForm('x', { filename: '' });
  const boundary = contentType.split('boundary=')[1] ?? '';
  expect(body.toString()).toBe(
    `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\nx\r\n--${boundary}--\r\n`,
  );
  expect(multipart([]).body.toString()).toBe(`--${boundary}--\r\n`);
});

test.each([
  ['proofhouse://artifacts/abc', true],
  ['URN:isbn:1', true],
  ['S3://bucket/key?v=1#x', true],
  ['x:%2F', true],
  ['x:%2', false],
  ['no-scheme', false],
  ['1x:y', false],
  ['x: y', false],
  ['', false],
])('%j is a URI: %s', (text, expected) => {
  expect(isUri(text)).toBe(expected);
});
