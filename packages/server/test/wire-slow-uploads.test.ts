// Tests slow, many and large deposits. A deposit at 1 KiB/s must succeed, slow deposits must not delay a fast one, and
// memory use must stay constant. SLOW_UPLOADS=1000 runs the full number of deposits.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { boundary, formType } from './support/form.ts';
import { head, RawConnection } from './support/raw-socket.ts';
import { startTestServer, type TestServer } from './support/test-server.ts';
import { wireAdmin, WireExperiment, type V0Deposit } from './support/wire-experiment.ts';

const uploads = Number(process.env['SLOW_UPLOADS'] ?? 200);
/**
 * Duration of a slow deposit in seconds. It is longer than the window in which the server requires a minimum of bytes.
 */
const seconds = 45;
const openedAtOnce = 50;

let t: TestServer;
let experiment: WireExperiment;

beforeAll(async () => {
  t = await startTestServer({ store: 'sqlite' });
  experiment = await WireExperiment.make(t);
});
afterAll(async () => {
  await t.close();
});

/** Opens a deposit on a new connection and sends everything before the bytes of the file. */
async function openSlow(): Promise<RawConnection> {
  const connection = await RawConnection.open(await t.listen());
  const start = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="slow"\r\n\r\n`;
  connection.write(
    head(`POST ${experiment.path('/artifacts')} HTTP/1.1`, {
      Host: 'localhost',
      Authorization: `Bearer ${wireAdmin}`,
      'X-Eden-Experiment-Id': experiment.id,
      'Content-Type': formType,
      'Transfer-Encoding': 'chunked',
    }),
  );
  connection.write(chunk(Buffer.from(start)));
  return connection;
}

function chunk(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
}

it(`${String(uploads)} slow uploads do not keep a fast one from finishing, and all come to their end`, async () => {
  const slow: RawConnection[] = [];
  while (slow.length < uploads) {
    const count = Math.min(openedAtOnce, uploads - slow.length);
    slow.push(...(await Promise.all(Array.from({ length: count }, openSlow))));
  }
  const piece = chunk(Buffer.alloc(1024, 's'));
  let rssAtStart = 0;
  const fastBytes = Buffer.alloc(8 * 1024 * 1024, 'f');
  let fast: Promise<V0Deposit> | undefined;
  for (let second = 1; second <= seconds; second++) {
    await Promise.all(slow.map((connection) => connection.writeAll(piece)));
    if (second === 2) rssAtStart = process.memoryUsage().rss;
    if (second === Math.floor(seconds / 2)) fast = experiment.deposit(fastBytes);
    await new Promise((settle) => setImmediate(settle));
    t.clock.advance(1000);
  }
  // The fast deposit ends while all slow deposits are still in progress.
  const { size_bytes } = (await fast)!;
  expect(size_bytes).toBe(fastBytes.length);
  expect(await experiment.records()).toHaveLength(1);
  const grownMiB = (process.memoryUsage().rss - rssAtStart) / 1024 ** 2;

  const end = Buffer.concat([chunk(Buffer.from(`\r\n--${boundary}--\r\n`)), Buffer.from('0\r\n\r\n')]);
  const answers = await Promise.all(
    slow.map(async (connection) => {
      connection.write(end);
      const answer = await connection.answer();
      connection.close();
      return answer;
    }),
  );
  expect(answers.map((answer) => answer?.status)).toEqual(Array(uploads).fill(201));
  for (const answer of answers) expect((answer?.json as V0Deposit).size_bytes).toBe(seconds * 1024);
  // The client and the server run in this process, so the measured memory is that of both. The limit is far below the
  // number of transferred bytes.
  expect(grownMiB).toBeLessThan(64 + uploads / 10);
}, 180_000);

it('a large deposit passes through in little memory, whatever its size', async () => {
  const piece = chunk(Buffer.alloc(1024 * 1024, 'l'));
  const mebibytes = 256;
  const connection = await openSlow();
  await connection.writeAll(piece);
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  for (let sent = 1; sent < mebibytes; sent++) {
    await connection.writeAll(piece);
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }
  connection.write(Buffer.concat([chunk(Buffer.from(`\r\n--${boundary}--\r\n`)), Buffer.from('0\r\n\r\n')]));
  const answer = await connection.answer();
  connection.close();
  expect((answer?.json as V0Deposit).size_bytes).toBe(mebibytes * 1024 ** 2);
  // The measured memory includes bytes that were read but not yet garbage-collected. It must not grow in proportion to
  // the number of sent bytes.
  expect(most / 1024 ** 2).toBeLessThan(mebibytes / 2);
}, 60_000);
