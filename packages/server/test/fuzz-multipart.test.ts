// Fuzzes forms over a real socket. The forms have any chunk sizes, end at any position, or are modified. The answer
// must be a problem document. A deposit may also be answered with 201, if exactly the bytes of its only part are
// stored. A refused form must leave nothing.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainParts } from '../../../fuzz/plain-form.ts';
import { boundary, formBody, formType, type FormPart } from './support/form.ts';
import { propertyRuns } from './support/property-runs.ts';
import { head, RawConnection, type RawAnswer } from './support/raw-socket.ts';
import { startTestServer, type TestServer } from './support/test-server.ts';
import { wireAdmin, WireExperiment } from './support/wire-experiment.ts';

const end = `--${boundary}--`;
const bytesOfFile = Buffer.from([0, 13, 10, 45, 45, 97, 13, 10, 255, 254]);
const file: FormPart = {
  name: 'file',
  value: bytesOfFile,
  filename: 'r\u00e9sum\u00e9.txt',
  contentType: 'text/plain',
};

describe('a form over a socket', () => {
  let t: TestServer;
  let experiment: WireExperiment;
  let port: number;
  /** Number of deposits that the server answered with 201. */
  let made = 0;

  beforeAll(async () => {
    t = await startTestServer({ settings: { maxArtifactBytes: 100_000 } });
    experiment = await WireExperiment.make(t);
    port = await t.listen();
  });
  afterAll(async () => {
    await t.close();
  });

  function headOf(length: Record<string, string | number>): string {
    return head(`POST ${experiment.path('/artifacts')} HTTP/1.1`, {
      host: 'localhost',
      authorization: `Bearer ${wireAdmin}`,
      'x-eden-experiment-id': experiment.id,
      'content-type': formType,
      ...length,
    });
  }

  /**
   * Sends a body, one element of `writes` at a time, and returns the answer. If `ends` is true, the client half-closes
   * the connection after the last write.
   */
  async function send(
    length: Record<string, string | number>,
    writes: readonly Buffer[],
    ends = false,
  ): Promise<RawAnswer | undefined> {
    const connection = await RawConnection.open(port);
    try {
      connection.write(headOf(length));
      for (const write of writes) await connection.writeAll(write);
      if (ends) connection.socket.end();
      const answer = await connection.answer();
      if (answer?.status === 201) made += 1;
      return answer;
    } finally {
      connection.close();
    }
  }

  async function expectKept(answer: RawAnswer | undefined, bytes: Buffer): Promise<void> {
    expect(answer?.status, answer?.body).toBe(201);
    expect((await experiment.fetch(answer?.json.artifacts_uri as string)).bytes).toEqual(bytes);
  }

  function expectRefused(answer: RawAnswer | undefined): void {
    expect(answer?.json).toMatchObject({ type: 'eden://error/bad-request', status: 400 });
  }

  /** Expects exactly one file for each successful deposit, and no error in the log. */
  async function expectNothingElse(): Promise<void> {
    await expect.poll(() => t.files().length, { interval: 5 }).toBe(made);
    expect(t.logLines.filter((line) => line.includes('"level":50'))).toEqual([]);
  }

  const pieces = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 12 });

  function cut(body: Buffer, sizes: readonly number[]): Buffer[] {
    const cuts: Buffer[] = [];
    for (let at = 0, turn = 0; at < body.length; turn += 1) {
      const size = sizes[turn % sizes.length] ?? 1;
      cuts.push(body.subarray(at, at + size));
      at += size;
    }
    return cuts;
  }

  it('is the same deposit however it is cut, with a length or in chunks', async () => {
    const content = fc.oneof(
      fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
      fc.constantFrom(`\r\n--${boundary.slice(0, -1)}`, '\r\n--', '\r', '').map((text) => Buffer.from(text)),
    );
    await fc.assert(
      fc.asyncProperty(content, pieces, fc.boolean(), async (value, sizes, chunked) => {
        const body = formBody([{ ...file, value }]);
        const cuts = cut(body, sizes);
        const answer = chunked
          ? await send({ 'transfer-encoding': 'chunked' }, [...cuts.map(chunkOf), Buffer.from('0\r\n\r\n')])
          : await send({ 'content-length': body.length }, cuts);
        await expectKept(answer, value);
      }),
      { numRuns: propertyRuns(40) },
    );
    await expectNothingElse();
  });

  it('that ends early at any byte is 400 and leaves nothing', async () => {
    const body = formBody([file]);
    const whole = body.indexOf(end) + end.length;
    for (let length = 0; length < whole; length += 1) {
      expectRefused(await send({ 'content-length': length }, [body.subarray(0, length)]));
    }
    await expectNothingElse();
  });

  it('that breaks off at any byte before its length leaves nothing, also behind its last boundary', async () => {
    const body = formBody([file]);
    for (let length = 0; length < body.length; length += 1) {
      const answer = await send({ 'content-length': body.length }, [body.subarray(0, length)], true);
      // The client had already half-closed the connection, so there may be no answer.
      if (answer !== undefined) expect(answer.status).toBe(400);
    }
    for (let length = 0; length < body.length; length += 7) {
      const chunk = chunkOf(body.subarray(0, length));
      const answer = await send({ 'transfer-encoding': 'chunked' }, length === 0 ? [] : [chunk], true);
      if (answer !== undefined) expect(answer.status).toBe(400);
    }
    await expectNothingElse();
  });

  it('that was bent anyhow is a problem, or a deposit of what its one part says', async () => {
    const bent = fc.array(
      fc.record({
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        dropped: fc.nat({ max: 12 }),
        put: fc.oneof(
          fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
          fc
            .constantFrom(
              ...[
                `--${boundary}`,
                `\r\n--${boundary}\r\n`,
                `\r\n${end}`,
                '\n',
                '\r\n\r\n',
                '\0',
                '"',
                ';',
                '; filename=x',
              ],
              ...[
                "; filename*=UTF-8''%e2%82%ac",
                "; filename*=iso-8859-1''%a3",
                '; name="x"',
                '; name=file',
                '\r\n folded',
              ],
              ...[
                'Content-Type: a/b\r\n',
                'Content-Disposition: form-data; name="file"; filename=""\r\n',
                '\u00e9',
                '--',
              ],
            )
            .map((text) => Buffer.from(text)),
        ),
      }),
      { minLength: 1, maxLength: 5 },
    );
    await fc.assert(
      fc.asyncProperty(bent, async (edits) => {
        let body = formBody([file]);
        for (const { at, dropped, put } of edits) {
          const place = Math.floor(at * body.length);
          body = Buffer.concat([body.subarray(0, place), put, body.subarray(place + dropped)]);
        }
        const answer = await send({ 'content-length': body.length }, [body]);
        if (answer?.status !== 201) {
          expectRefused(answer);
          return;
        }
        const parts = plainParts(body, boundary);
        expect(parts).toHaveLength(1);
        await expectKept(answer, parts[0]!.body);
      }),
      { numRuns: propertyRuns(250) },
    );
    await expectNothingElse();
  });

  it('with any filename and content type is kept, and downloaded under headers that can be read', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 40 }),
      fc.string({ unit: 'binary', maxLength: 12 }),
      fc.constantFrom(
        '..',
        '../../x',
        'C:\\x',
        '\u202etxt.exe',
        'x'.repeat(400),
        '%22',
        "a'b*c",
        '\u{1F600}'.repeat(90),
      ),
    );
    const safe = text.map((value) => value.toWellFormed().replaceAll(/[\r\n\0"\\]/g, ''));
    await fc.assert(
      fc.asyncProperty(safe, safe, async (filename, contentType) => {
        const body = formBody([{ ...file, filename, contentType: `a/b; x=${contentType}` }]);
        const answer = await send({ 'content-length': body.length }, [body]);
        if (answer?.status !== 201) {
          expectRefused(answer);
          return;
        }
        const fetched = await experiment.fetch(answer.json.artifacts_uri as string);
        expect(fetched.status).toBe(200);
        expect(fetched.headers['content-type']).toBe(answer.json.content_type);
        expect(fetched.headers['content-disposition']).toMatch(/^attachment(; filename[\x20-\x7e]*)?$/);
      }),
      { numRuns: propertyRuns(150) },
    );
    await expectNothingElse();
  });

  it('costs no memory that stays, however many are refused', async () => {
    const broken = formBody([{ ...file, value: Buffer.alloc(50_000) }]).subarray(0, 40_000);
    const round = async (): Promise<void> => {
      for (let turn = 0; turn < 100; turn += 1)
        expectRefused(await send({ 'content-length': broken.length }, [broken]));
    };
    await round();
    const before = process.memoryUsage().arrayBuffers;
    await round();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
    await expectNothingElse();
  });
});

function chunkOf(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
}
