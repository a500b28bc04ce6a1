import { headBytes } from '@proofhouse/core';
import { afterAll, describe, expect, it } from 'vitest';
import { ManualClock } from '../kernel/time/manual-clock.ts';
import { Backlog, ContentScan, scannedBytes, type ScannedContent } from './content-scan.ts';
import { houseSecrets } from '../kernel/house-secrets.ts';
import { SecretThreads } from './secret-threads.ts';

const token = 'ghp_' + 'aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA1bC2';
const rule = 'github-token';
const clock = new ManualClock();
const failingScript = new URL('./testing/failing-thread.ts', import.meta.url).pathname;

const real = new SecretThreads({ clock, confirmed: false, threads: 1 });
const failing = new SecretThreads({ clock, confirmed: false, threads: 1, script: failingScript });
afterAll(() => Promise.all([real.close(), failing.close()]));

function contentScan({ threads = real, backlog = new Backlog(1e9) } = {}) {
  const failures: unknown[] = [];
  const onFailure = (error: unknown): void => {
    failures.push(error);
  };
  const scan = new ContentScan({ set: houseSecrets(), threads, backlog, confirmed: false, onFailure });
  return { scan, failures };
}

async function scanned(content: Buffer, chunkBytes: number): Promise<ScannedContent> {
  const { scan } = contentScan();
  for (let at = 0; at < content.length; at += chunkBytes) await scan.observe(content.subarray(at, at + chunkBytes));
  return scan.end();
}

const filler = (bytes: number): Buffer => Buffer.alloc(bytes, 'a line of text\n');

describe('the scan of a content', () => {
  it('finds a secret at any position of a short and of a long content, at every chunk size', async () => {
    for (const offset of [0, 100, headBytes - 20, headBytes, 70_000]) {
      const content = Buffer.concat([filler(offset), Buffer.from(`\n${token}\n`)]);
      for (const chunkBytes of [997, 4096, 65_536, 1e6]) {
        const result = await scanned(content, chunkBytes);
        expect(result, `${offset} by ${chunkBytes}`).toEqual({ secrets: [{ rule, offset: offset + 1 }], omitted: 0 });
      }
    }
  });

  it('keeps no reference to a chunk after the call', async () => {
    const { scan } = contentScan();
    const chunk = Buffer.from(`${filler(10_000).toString()}${token}\n`);
    const expected = chunk.indexOf(token);
    await scan.observe(chunk);
    chunk.fill(0);
    expect((await scan.end()).secrets).toEqual([{ rule, offset: expected }]);
  });

  it('ends at 16 MiB and says so', async () => {
    const content = Buffer.concat([filler(scannedBytes - 100), Buffer.from(`\n${token}\n`), filler(200)]);
    const beyond = Buffer.concat([filler(scannedBytes), Buffer.from(`\n${token}\n`)]);
    const unscanned = { fromByte: scannedBytes, reason: 'size' };
    const secrets = [{ rule, offset: scannedBytes - 99 }];
    expect(await scanned(content, 65_536)).toEqual({ secrets, omitted: 0, unscanned });
    expect(await scanned(beyond, 65_536)).toEqual({ secrets: [], omitted: 0, unscanned });
    expect(await scanned(filler(scannedBytes), 65_536)).toEqual({ secrets: [], omitted: 0 });
  });

  it('of binary content finds nothing, whatever follows', async () => {
    const content = Buffer.concat([Buffer.from('a\0b'), filler(20_000), Buffer.from(token)]);
    for (const end of [20, content.length]) {
      expect(await scanned(content.subarray(0, end), 4096)).toEqual({ secrets: [], omitted: 0 });
    }
  });

  it('keeps the secrets of a content that is no UTF-8 at one place, and says that it was not scanned completely', async () => {
    for (const before of [0, 3000, 30_000]) {
      const content = Buffer.concat([filler(before), Buffer.from(`\n${token}\n`), Buffer.of(0xff)]);
      const unscanned = { fromByte: 0, reason: 'encoding' };
      expect(await scanned(content, 4096)).toEqual({ secrets: [{ rule, offset: before + 1 }], omitted: 0, unscanned });
    }
  });

  it('says that bytes without a NUL that are no UTF-8 were not scanned', async () => {
    for (const content of [Buffer.from('caf\u00e9', 'latin1'), Buffer.concat([filler(30_000), Buffer.of(0xff)])]) {
      const unscanned = { fromByte: 0, reason: 'encoding' };
      expect(await scanned(content, 4096)).toEqual({ secrets: [], omitted: 0, unscanned });
    }
  });

  it('makes an upload wait while the backlog is full, and frees the backlog at the end and after an abort', async () => {
    const backlog = new Backlog(100_000);
    const { scan } = contentScan({ backlog });
    const waits: boolean[] = [];
    for (let chunk = 0; chunk < 8; chunk += 1) {
      const wait = scan.observe(filler(65_536));
      waits.push(wait !== undefined);
      await wait;
    }
    expect(waits[0]).toBe(false);
    expect(waits).toContain(true);
    await scan.end();
    const aborted = contentScan({ backlog });
    for (let chunk = 0; chunk < 4; chunk += 1) void aborted.scan.observe(filler(65_536));
    aborted.scan.abort();
    // The new scan uses the same thread, which handles requests in order. So this scan ends after all requests of the
    // aborted scan.
    expect(await scanned(filler(20_000), 65_536)).toEqual({ secrets: [], omitted: 0 });
    expect(backlog.isFull).toBe(false);
  });

  it('of a thread that ends is not scanned, and the failure is reported once', async () => {
    const { scan, failures } = contentScan({ threads: failing });
    for (let chunk = 0; chunk < 3; chunk += 1) await scan.observe(filler(65_536));
    const unscanned = { fromByte: 0, reason: 'unavailable' };
    expect(await scan.end()).toEqual({ secrets: [], omitted: 0, unscanned });
    expect(failures).toMatchObject([{ code: 'unavailable' }]);
  });
});
