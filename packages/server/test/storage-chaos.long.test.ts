// Uploads files, some of them slowly, through two servers with one Postgres and one blob folder. Orphans are created
// meanwhile. Both servers run collections all the time, with a grace period of seconds. Each acknowledged artifact must
// exist and be complete. COLLECTION_CHAOS_SECONDS=600 runs the long form.
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, inject, it } from 'vitest';
import { checkStorage, completeConfig, compose, makeLogger, type Server } from '@proofhouse/server';
import { migratedDatabase } from '../src/stores/sql/dialects/postgres/testing/test-database.ts';
import { adminToken } from './support/test-server.ts';

const graceMs = 4000;
const lastMs = Number(process.env['COLLECTION_CHAOS_SECONDS'] ?? 9) * 1000;
const postgresUrl = inject('postgresUrl');

interface Acknowledged {
  readonly jobId: string;
  readonly id: string;
  readonly sha256: string;
}

function urlOf({ app }: Server): string {
  return `http://127.0.0.1:${String((app.server.address() as AddressInfo).port)}`;
}

async function collectAll(collection: Server['storage']['collection']): Promise<number> {
  let count = 0;
  for (let cursor: string | null | undefined; cursor !== null;) {
    const slice = await collection.slice({ dryRun: false, yesRemoveMost: true, cursor });
    count += slice.items.length;
    cursor = slice.nextCursor;
  }
  return count;
}

const headers = { authorization: `Bearer ${adminToken}` };

async function newJob(server: Server): Promise<string> {
  const answer = await fetch(`${urlOf(server)}/api/queue/jobs`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'exec' }),
  });
  return ((await answer.json()) as { id: string }).id;
}

/** Uploads a file in four pieces, spread evenly over `slowMs`. Returns the status and the artifact. */
function upload(server: Server, jobId: string, name: string, bytes: Buffer, slowMs: number) {
  return new Promise<{ status: number; json: { id: string } }>((resolve, reject) => {
    const call = request(`${urlOf(server)}/api/queue/jobs/${jobId}/artifacts/${name}`, {
      method: 'PUT',
      headers: { ...headers, 'content-length': bytes.length },
    });
    call.on('response', (answer) => {
      answer.toArray().then((parts) => {
        const text = Buffer.concat(parts as Buffer[]).toString();
        resolve({ status: answer.statusCode ?? 0, json: JSON.parse(text) as { id: string } });
      }, reject);
    });
    call.on('error', reject);
    const send = async (): Promise<void> => {
      for (let piece = 0; piece < 4; piece++) {
        call.write(bytes.subarray((piece * bytes.length) / 4, ((piece + 1) * bytes.length) / 4));
        if (piece < 3) await sleep(slowMs / 3);
      }
      call.end();
    };
    send().catch(reject);
  });
}

it.skipIf(postgresUrl === undefined)(
  'no acknowledged artifact loses its bytes to collections on two servers, and orphans go',
  async () => {
    const folder = mkdtempSync(`${tmpdir()}/collection-chaos-`);
    const database = await migratedDatabase(postgresUrl ?? '');
    const config = completeConfig({
      dataDir: folder,
      databaseUrl: database.url,
      port: 0,
      adminToken,
      mode: 'test',
      collectGraceHours: graceMs / 3_600_000,
    });
    const servers = [
      await compose(config, { logger: makeLogger('silent') }),
      await compose(config, { logger: makeLogger('silent') }),
    ] as const;
    try {
      for (const { app } of servers) await app.listen({ host: '127.0.0.1', port: 0 });
      const endAt = performance.now() + lastMs;
      const acknowledged: Acknowledged[] = [];
      const statuses = new Map<number, number>();
      let collected = 0;
      const uploading = Array.from({ length: 12 }, async (_, index) => {
        const server = servers[index % 2] ?? servers[0];
        const jobId = await newJob(server);
        for (let count = 0; performance.now() < endAt; count++) {
          const bytes = randomBytes(4 * (1 + ((count * 7919) % 20_000)));
          const slowMs = count % 3 === 0 ? 0 : (count * 613) % (graceMs * 0.95);
          const { status, json } = await upload(server, jobId, `file-${String(count)}`, bytes, slowMs);
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
          const sha256 = createHash('sha256').update(bytes).digest('hex');
          if (status === 201) acknowledged.push({ jobId, id: json.id, sha256 });
        }
      });
      const collecting = servers.map(async (server) => {
        while (performance.now() < endAt) {
          await server.blobs.receive(Readable.from([Buffer.from('nobody names this')]));
          collected += await collectAll(server.storage.collection);
          await sleep(20);
        }
      });
      await Promise.all([...uploading, ...collecting]);

      // Only slow uploads may fail, with the status 408.
      expect([...statuses.keys()].filter((status) => ![201, 408].includes(status))).toEqual([]);
      expect(statuses.get(408)).toBeGreaterThan(0);
      expect(acknowledged.length).toBeGreaterThan(50);
      expect(collected).toBeGreaterThan(0);
      for (const { jobId, id, sha256 } of acknowledged) {
        const answer = await fetch(`${urlOf(servers[1])}/api/queue/jobs/${jobId}/artifacts/${id}/download`, {
          headers,
        });
        const bytes = Buffer.from(await answer.arrayBuffer());
        expect([answer.status, createHash('sha256').update(bytes).digest('hex')]).toEqual([200, sha256]);
      }
      await sleep(graceMs + 100);
      // Removes the remaining orphans. Most of them come from refused uploads.
      for (const { storage } of servers) await collectAll(storage.collection);
      const [server] = servers;
      const { found } = await checkStorage({
        store: server.store.artifacts,
        owners: server.store.blobOwners,
        blobs: server.blobs,
        viewRoot: config.jobViewRoot,
        olderThan: Infinity,
        hashBytes: true,
      });
      expect(Object.entries(found).filter(([, count]) => count > 0)).toEqual([]);
    } finally {
      await Promise.all(servers.map((server) => server.close()));
      await database.drop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
  lastMs + 120_000,
);
