// Tests that a valid form is accepted, whatever sizes the writes of the client have.
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { boundary, formBody, formType } from './support/form.ts';
import { head, RawConnection, type RawAnswer } from './support/raw-socket.ts';
import { adminToken, startTestServer, type TestServer } from './support/test-server.ts';
import { wireAdmin, WireExperiment } from './support/wire-experiment.ts';

let t: TestServer;
let experiment: WireExperiment;
let port: number;
let jobId: string;

beforeAll(async () => {
  t = await startTestServer();
  port = await t.listen();
  experiment = await WireExperiment.make(t);
  jobId = (await t.enqueue()).id;
});
afterAll(async () => {
  await t.close();
});

interface Door {
  readonly line: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The text fields of a complete form, which precede the file. */
  readonly fields: Readonly<Record<string, string>>;
}

const doors: Readonly<Record<string, () => Door>> = {
  'an upload': () => ({
    line: `POST /api/queue/jobs/${jobId}/artifacts/upload HTTP/1.1`,
    headers: { authorization: `Bearer ${adminToken}` },
    fields: { name: 'a.bin', title: 'A title' },
  }),
  'a deposit': () => ({
    line: `POST ${experiment.path('/artifacts')} HTTP/1.1`,
    headers: { authorization: `Bearer ${wireAdmin}`, 'x-eden-experiment-id': experiment.id },
    fields: {},
  }),
};

/** Sends the body of a form, one element of `writes` at a time. Each write is a packet of its own if possible. */
async function sendWrites(door: Door, writes: readonly Buffer[]): Promise<RawAnswer | undefined> {
  const connection = await RawConnection.open(port);
  try {
    connection.socket.setNoDelay(true);
    const size = writes.reduce((sum, write) => sum + write.length, 0);
    const headers = { host: 'localhost', ...door.headers, 'content-type': formType, 'content-length': size };
    connection.write(head(door.line, headers));
    for (const write of writes) {
      // After this pause, the server has probably read the previous write, but this is not certain. So the test must
      // pass in both cases.
      await pause(2);
      await connection.writeAll(write);
    }
    return await connection.answer();
  } finally {
    connection.close();
  }
}

function expectTaken(answer: RawAnswer | undefined, bytes: Buffer): void {
  expect(answer?.status, answer?.body).toBe(201);
  expect(answer?.json.sizeBytes ?? answer?.json.size_bytes).toBe(bytes.length);
  const digest = answer?.json.digest as string | undefined;
  if (digest !== undefined) expect(digest).toBe(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
}

/**
 * Returns two offsets in the body of a form: where the headers of the file part begin, and where the bytes of the file
 * begin.
 */
function places(body: Buffer): { headers: number; bytes: number } {
  const disposition = body.indexOf('Content-Disposition: form-data; name="file"');
  return { headers: disposition, bytes: body.indexOf('\r\n\r\n', disposition) + 4 };
}

describe.each(Object.entries(doors))('%s', (_name, doorOf) => {
  describe.each([16_200, 16_300, 65_536, 200_000])('of %i bytes', (size) => {
    const bytes = Buffer.alloc(size, 'some bytes\r\n--\r\n');

    it.each<[string, (at: { headers: number; bytes: number }) => number[]]>([
      ['boundary, headers and data', ({ headers, bytes: data }) => [headers, data]],
      ['headers in two halves, then data', ({ headers, bytes: data }) => [headers, headers + 30, data]],
      ['data after half of the empty line', ({ bytes: data }) => [data - 2]],
      ['a byte of data after the headers', ({ bytes: data }) => [data, data + 1]],
      ['fields and boundary in one, the rest in the next', ({ headers }) => [headers - 2]],
    ])('is taken when it comes as %s', async (_what, cutsOf) => {
      const door = doorOf();
      const fields = Object.entries(door.fields).map(([name, value]) => ({ name, value }));
      const body = formBody([...fields, { name: 'file', value: bytes }]);
      const cuts = [...cutsOf(places(body)), body.length];
      const writes = cuts.map((end, index) => body.subarray(index === 0 ? 0 : cuts[index - 1], end));
      expectTaken(await sendWrites(door, writes), bytes);
    });
  });

  it('is taken when its last bytes look like a delimiter and fill a buffer, cut before the delimiter', async () => {
    const door = doorOf();
    const fields = Object.entries(door.fields).map(([name, value]) => ({ name, value }));
    for (const size of [16_384, 65_536]) {
      const bytes = Buffer.concat([Buffer.alloc(size - 1, 'x'), Buffer.from('\r')]);
      const body = formBody([...fields, { name: 'file', value: bytes }]);
      const end = body.indexOf(`\r\n--${boundary}--`);
      const at = places(body).bytes;
      const cuts = [at, end - 1, end, end + 1, body.length];
      const writes = cuts.map((cut, index) => body.subarray(index === 0 ? 0 : cuts[index - 1], cut));
      expectTaken(await sendWrites(door, writes), bytes);
    }
  });

  it('whose part headers are longer than 16 KiB is 400', async () => {
    const door = doorOf();
    const long = `--${boundary}\r\nX-A: ${'a'.repeat(17_000)}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n--${boundary}--\r\n`;
    const answer = await sendWrites(door, [Buffer.from(long)]);
    expect(answer?.status).toBe(400);
    expect(answer?.json.detail).toContain('the headers of a part are too long');
  });
});
