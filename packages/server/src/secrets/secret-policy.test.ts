import { afterAll, describe, expect, it } from 'vitest';
import { houseSecrets } from '../kernel/house-secrets.ts';
import { makeLogger } from '../kernel/logger.ts';
import { ManualClock } from '../kernel/time/manual-clock.ts';
import { nothingFound, type ScannedContent } from './content-scan.ts';
import { SecretPolicy, type SecretPolicyName } from './secret-policy.ts';
import { SecretThreads } from './secret-threads.ts';

const token = 'ghp_' + 'aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA1bC2';
const script = new URL('./testing/failing-thread.ts', import.meta.url).pathname;
const clock = new ManualClock();
const opened: SecretThreads[] = [];
afterAll(() => Promise.all(opened.map((threads) => threads.close())));

function policy(name: SecretPolicyName, { fails = false } = {}): SecretPolicy {
  const confirmed = name === 'reject';
  const threads = new SecretThreads({ clock, confirmed, threads: 1, ...(fails ? { script } : {}) });
  opened.push(threads);
  return new SecretPolicy({ policy: name, set: houseSecrets(), threads, logger: makeLogger('silent') });
}

async function upload(secrets: SecretPolicy, content: Buffer): Promise<ScannedContent> {
  const scan = secrets.content();
  for (let at = 0; at < content.length; at += 65_536) await scan?.observe(content.subarray(at, at + 65_536));
  return (await scan?.end()) ?? nothingFound;
}

const longText = 'a line of text\n'.repeat(20_000);
const long = [{ field: 'payload', text: longText }];

describe('a scanner that fails', () => {
  it('makes the policy reject refuse what it could not scan', async () => {
    const secrets = policy('reject', { fails: true });
    await expect(secrets.check(long)).rejects.toMatchObject({ code: 'unavailable' });
    const scanned = await upload(secrets, Buffer.from(longText));
    await expect(secrets.checkUpload(scanned, [])).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('makes the policy flag mark what it could not scan', async () => {
    const secrets = policy('flag', { fails: true });
    const unscanned = (field: string) => ({
      version: 1,
      secrets: [],
      omitted: 0,
      unscanned: [{ field, fromByte: 0, reason: 'unavailable' }],
    });
    expect(await secrets.check(long)).toEqual(unscanned('payload'));
    const scanned = await upload(secrets, Buffer.from(longText));
    expect(await secrets.checkUpload(scanned, [])).toEqual(unscanned('content'));
  });

  it('is not asked again after the server closed', async () => {
    const secrets = policy('flag');
    await opened.at(-1)?.close();
    expect((await upload(secrets, Buffer.from(longText + token))).unscanned).toMatchObject({ reason: 'unavailable' });
  });
});

it('scans long texts as it scans short ones', async () => {
  const secrets = policy('flag');
  const texts = [
    { field: 'a', text: `\u00e9 ${token}` },
    { field: 'b', text: `${longText}${token}` },
  ];
  const found = await secrets.checkEach([texts, []]);
  expect(found[0]?.secrets).toEqual([
    { field: 'a', rule: 'github-token', offset: 3 },
    { field: 'b', rule: 'github-token', offset: longText.length },
  ]);
  expect(found[1]).toBeNull();
});

it('keeps the memory of many concurrent uploads bounded', async () => {
  const secrets = policy('flag');
  const chunk = Buffer.alloc(65_536, 'a line of text\n');
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  const uploads = Array.from({ length: 64 }, async () => {
    const scan = secrets.content();
    for (let sent = 0; sent < 32; sent += 1) {
      await scan?.observe(chunk);
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    return scan?.end();
  });
  for (const result of await Promise.all(uploads)) expect(result).toEqual(nothingFound);
  // 64 uploads of 2 MiB each run at the same time. At most 32 MiB may wait to be scanned, but each upload may exceed
  // this by one request.
  expect(most).toBeLessThan(96 * 1024 * 1024);
});
