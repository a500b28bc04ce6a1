// Tests `/readyz` on real storage: the probe writes to the database and to the blob backend, and succeeds again after a
// failure.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { forEachStore } from './support/for-each-store.ts';
import { examine } from '@proofhouse/server';
import { startTestServer, type TestServer } from './support/test-server.ts';

/**
 * Returns the result of a new probe. The clock is advanced first, because the server caches a result for one second.
 */
async function readyz(t: TestServer) {
  t.clock.advance(1001);
  const { status, json } = await t.call('GET', '/readyz', { as: null });
  return [status, json.parts.database, json.parts.blobs];
}

forEachStore('readiness', (harness) => {
  it('writes a heartbeat to the database', async () => {
    const t = harness();
    expect(await readyz(t)).toEqual([200, 'ok', 'ok']);
    expect(await t.server.store.settings.get('heartbeat')).toMatch(/^\d{13}$/);
  });

  it('blobs are unavailable while their folder is gone, empty or of another store, and ready again afterwards', async () => {
    const t = harness();
    const blobs = path.join(t.folder, 'blobs');
    renameSync(blobs, `${blobs}-aside`);
    expect(await readyz(t)).toEqual([503, 'ok', 'unavailable']);
    for (const name of ['blobs', 'staging']) mkdirSync(path.join(blobs, name), { recursive: true });
    expect(await readyz(t)).toEqual([503, 'ok', 'unavailable']);
    writeFileSync(path.join(blobs, 'store-id'), '0190a0a0-0000-7000-8000-000000000000\n');
    expect(await readyz(t)).toEqual([503, 'ok', 'unavailable']);
    rmSync(blobs, { recursive: true });
    renameSync(`${blobs}-aside`, blobs);
    expect(await readyz(t)).toEqual([200, 'ok', 'ok']);
  });
});

it('a database on a full disk is unavailable until there is room', async ({ skip }) => {
  const disk = mkdtempSync(path.join(tmpdir(), 'readiness-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', disk], { stdio: 'ignore' });
  } catch {
    process.stderr.write('\nNO SMALL DISK could be mounted: the test of /readyz on a full disk is SKIPPED.\n');
    rmSync(disk, { recursive: true });
    return skip();
  }
  const t = await startTestServer({ settings: { databaseUrl: `sqlite:${path.join(disk, 'proofhouse.db')}` } });
  try {
    expect(await readyz(t)).toEqual([200, 'ok', 'ok']);
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(path.join(disk, 'filler'), Buffer.alloc(bavail * bsize));
    // On a full disk, SQLite can still overwrite its existing WAL file up to the end of the file. So the probe may
    // succeed at first, and the test repeats it.
    let found = await readyz(t);
    for (let tries = 0; tries < 50 && found[0] === 200; tries++) found = await readyz(t);
    expect(found).toEqual([503, 'unavailable', 'ok']);
    rmSync(path.join(disk, 'filler'));
    expect(await readyz(t)).toEqual([200, 'ok', 'ok']);
  } finally {
    await t.close();
    execFileSync('umount', [disk]);
    rmSync(disk, { recursive: true });
  }
});

it('doctor finds a page of the database that was damaged', async () => {
  const data = mkdtempSync(path.join(tmpdir(), 'readiness-damage-'));
  const t = await startTestServer({
    settings: { dataDir: data, databaseUrl: `sqlite:${path.join(data, 'proofhouse.db')}` },
  });
  for (let count = 0; count < 20; count++) await t.enqueue({ payload: { text: 'x'.repeat(2000) } });
  await t.close();
  const file = path.join(data, 'proofhouse.db');
  const bytes = readFileSync(file);
  for (let page = 2; page < bytes.length / 4096; page++) bytes.fill(0xa5, page * 4096, page * 4096 + 200);
  writeFileSync(file, bytes);
  for await (const { name, outcome, text } of examine({ env: {}, flags: { 'data-dir': data } })) {
    if (name === 'database') expect([outcome, text]).toEqual(['wrong', expect.stringMatching(/damaged/)]);
  }
  rmSync(data, { recursive: true });
});
