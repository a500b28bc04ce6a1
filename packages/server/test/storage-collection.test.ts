// Tests collection over HTTP on real files: which bytes are removed, which stay, and what the report says.
import { existsSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { forEachStore } from './support/for-each-store.ts';
import type { TestServer } from './support/test-server.ts';

const dayMs = 86_400_000;

interface Item {
  reason: string;
  artifactId: string | null;
  what: string;
}

async function collect(t: TestServer, dryRun = false): Promise<Item[]> {
  const items: Item[] = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const answer = await t.post('/api/storage/gc', { dryRun, cursor });
    if (answer.status !== 200) throw new Error(answer.text);
    items.push(...(answer.json.items as Item[]));
    cursor = answer.json.nextCursor as string | null;
  }
  return items;
}

function blobFiles(t: TestServer): string[] {
  const root = path.join(t.folder, 'blobs/blobs');
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

/** Sets the times of a file back by `days`, starting from its present times. */
function age(file: string, days: number): void {
  const at = new Date(statSync(file).mtimeMs - days * dayMs);
  utimesSync(file, at, at);
}

async function finished(t: TestServer, names: readonly string[]) {
  const { job, worker, lease } = await t.running();
  for (const name of names) {
    const answer = await t.put(job.id, { name, as: worker, headers: { 'proofhouse-lease': lease } });
    expect(answer.status).toBe(201);
  }
  const done = await t.post(`/api/queue/jobs/${job.id}/complete`, {}, worker, { 'proofhouse-lease': lease });
  expect(done.status).toBe(200);
  return { job, artifacts: await t.artifacts(job.id) };
}

const settings = { retention: 'on', retentionDays: { log: 7 } } as const;

forEachStore(
  'collection',
  (harness) => {
    it('expires the logs of finished jobs and nothing else; the record says so and the download is 410', async () => {
      const t = harness();
      const { job, artifacts } = await finished(t, ['out.log', 'report.md']);
      const log = artifacts.find(({ name }) => name === 'out.log');
      const view = (name: string): boolean => existsSync(path.join(t.viewRoot, job.id, name));
      expect([view('out.log'), view('report.md')]).toEqual([true, true]);
      const files = blobFiles(t).length;
      t.clock.advance(7 * dayMs + 1000);

      const would = (await collect(t, true)).filter(({ artifactId }) => artifactId === log?.id);
      expect(would).toMatchObject([
        { reason: 'retention', what: expect.stringMatching(/"out.log" of job .* 7 days\.$/) },
      ]);
      expect(blobFiles(t)).toHaveLength(files);

      const went = await collect(t);
      expect(went).toEqual(would);
      expect(blobFiles(t)).toHaveLength(files - 1);
      expect([view('out.log'), view('report.md')]).toEqual([false, true]);
      expect(await t.download({ jobId: job.id, id: log?.id ?? '' })).toMatchObject({
        status: 410,
        json: { code: 'artifact_expired' },
      });
      const record = (await t.get(`/api/artifacts/${log?.id ?? ''}`)).json.artifact;
      expect(record).toMatchObject({ purgedAt: new Date(t.clock.now()).toISOString(), version: 2 });
      expect(record.checksum).toMatch(/^sha256:/);
      expect(await collect(t)).toEqual([]);
    });

    it('leaves what is pinned, what belongs to an unfinished job, and what is unpinned again goes', async () => {
      const t = harness();
      const { artifacts } = await finished(t, ['kept.log']);
      const pinned = artifacts[0]?.id ?? '';
      expect((await t.call('PUT', `/api/artifacts/${pinned}/pin`)).status).toBe(200);
      const open = await t.enqueue();
      expect((await t.put(open.id, { name: 'open.log' })).status).toBe(201);
      t.clock.advance(100 * dayMs);
      expect(await collect(t)).toEqual([]);
      expect((await t.call('DELETE', `/api/artifacts/${pinned}/pin`)).status).toBe(200);
      expect(await collect(t)).toMatchObject([{ artifactId: pinned }]);
    });

    it('takes old bytes without a record and old leftovers, and spares young ones', async () => {
      const t = harness();
      const name = (letter: string): string => letter.repeat(32);
      const shard = (letter: string): string => path.join(t.folder, 'blobs/blobs', letter, name(letter));
      const left = (letter: string): string => path.join(t.folder, 'blobs/staging', `${name(letter)}.0123456789abcdef`);
      for (const file of [shard('a'), shard('7'), left('a'), left('b')]) writeFileSync(file, 'bytes');
      for (const file of [shard('a'), left('a')]) age(file, 2);
      const would = await collect(t, true);
      expect(would.map(({ reason }) => reason)).toEqual(['orphan', 'staging']);
      expect(JSON.stringify(would)).not.toContain(name('a'));
      expect(existsSync(shard('a'))).toBe(true);
      expect(await collect(t)).toEqual(would);
      expect([shard('a'), shard('7'), left('a'), left('b')].map((file) => existsSync(file))).toEqual([
        false,
        true,
        false,
        true,
      ]);
      age(shard('7'), 2);
      age(left('b'), 2);
      expect(await collect(t)).toHaveLength(2);
    });

    describe('refuses', () => {
      it.each([
        ['a cursor of its own making', { cursor: 'bm90IG91cnM' }, 400, 'invalid_cursor'],
        ['a field that it does not know', { force: true }, 422, 'invalid_request'],
        ['a cursor without end', { cursor: 'a'.repeat(300) }, 422, 'invalid_request'],
      ])('%s', async (_what, body, status, code) => {
        expect(await harness().post('/api/storage/gc', body)).toMatchObject({ status, json: { code } });
      });
    });
  },
  { settings },
);

// This suite has its own server, because a server that collects by itself would take what the other tests collect.
forEachStore(
  'collection by the server itself',
  (harness) => {
    it('happens as often as it was set, and says once what it took', async () => {
      const t = harness();
      const { artifacts } = await finished(t, ['timed.log']);
      t.clock.advance(30 * dayMs);
      const said = (): boolean => t.logLines.some((line) => line.includes('collected what is no longer wanted'));
      await expect.poll(said).toBe(true);
      expect((await t.get(`/api/artifacts/${artifacts[0]?.id ?? ''}`)).json.artifact.purgedAt).not.toBeNull();
    });
  },
  { settings: { ...settings, collectEveryHours: 24 * 20 } },
);
