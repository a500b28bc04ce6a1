import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ProofhouseClient } from '@proofhouse/client';
import { FakeServer } from '@proofhouse/client/testing';
import { runWorker } from '@proofhouse/client/worker';
import { settings } from '@proofhouse/server';
import { expect, test } from 'vitest';

/** Returns the environment of the command of a job, for a worker with the environment `env`. */
async function environmentOfCommand(env: Record<string, string>): Promise<Record<string, string>> {
  await using server = await FakeServer.start();
  const folder = await mkdtemp(path.join(tmpdir(), 'worker-environment-'));
  try {
    server.addJob();
    await runWorker({
      client: new ProofhouseClient({ url: server.url, token: 'phw_own' }),
      command: [process.execPath, '-e', 'console.log(JSON.stringify(process.env))'],
      env: { PATH: process.env['PATH'], ...env },
      cwd: folder,
      // The test reads the values in the log. Some values look like secrets and would be masked.
      maskSecrets: false,
      workRoot: folder,
      once: true,
      signal: new AbortController().signal,
    });
    return JSON.parse(server.artifact('log.log').bytes.toString()) as Record<string, string>;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test('the command of a job inherits no secret setting of a server that shares its environment', async () => {
  const names = Object.values(settings).flatMap(({ env }) => [...env]);
  const given = Object.fromEntries(
    [...names, 'PROOFHOUSE_CONFIG', 'PROOFHOUSE_TOKEN', 'PROOFHOUSE_LEASE_ID'].map((name) => [name, `given-${name}`]),
  );
  const found = await environmentOfCommand({ ...given, PROOFHOUSE_SETTING_TO_COME: 'given-later' });
  const secrets = Object.values(settings).flatMap((row) => ('secret' in row ? [...row.env] : []));
  expect(secrets).toContain('PROOFHOUSE_DATABASE_URL');
  for (const name of secrets) expect(found).not.toHaveProperty(name);
  const inherited = Object.entries(found).filter(([, value]) => value.startsWith('given-'));
  const own = inherited.map(([name]) => name).filter((name) => /^proofhouse_/i.test(name));
  expect(own).toEqual(['PROOFHOUSE_EXPERIMENT']);
});

test('passwords of Postgres are the command\u2019s, unless the environment is that of a server', async () => {
  const given = { PGPASSWORD: 'secret', PGPASSFILE: '/secret', PGHOST: 'db' };
  expect(await environmentOfCommand(given)).toMatchObject(given);
  const found = await environmentOfCommand({ ...given, PROOFHOUSE_DATABASE_URL: 'postgres://db/x' });
  expect(found['PGPASSWORD']).toBeUndefined();
  expect(found['PGPASSFILE']).toBeUndefined();
  expect(found['PGHOST']).toBe('db');
});
