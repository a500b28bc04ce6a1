// Measures upper limits for any queue on this machine: durable appends to the disk, and round trips to this Postgres.
import { randomBytes } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import pg from 'pg';

const page = randomBytes(4096);

/** Appends 4 KiB to a file, with a sync after each append. Returns the appends per second. */
export async function appendsPerSecond(folder: string, forMs: number): Promise<number> {
  const place = path.join(folder, 'appends');
  const file = await open(place, 'a');
  try {
    return await perSecond(forMs, async () => {
      await file.write(page);
      await file.datasync();
    });
  } finally {
    await file.close();
    await rm(place);
  }
}

/**
 * Makes round trips to Postgres on one connection. Returns the round trips per second. If `write` is true, each round
 * trip commits one row.
 */
export async function tripsPerSecond(url: string, forMs: number, write = false): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    if (write) await client.query('create table if not exists trips (n integer)');
    const query = write ? { name: 'write', text: 'insert into trips values (1)' } : { name: 'read', text: 'select 1' };
    return await perSecond(forMs, () => client.query(query));
  } finally {
    await client.end();
  }
}

async function perSecond(forMs: number, once: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  let count = 0;
  for (; performance.now() - start < forMs; count++) await once();
  return (count * 1000) / (performance.now() - start);
}
