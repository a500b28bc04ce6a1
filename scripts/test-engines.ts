// Global setup of vitest: starts one real Postgres for the whole run, because one for each file would take longer than
// the tests. On a machine without Postgres, tests that need it are skipped. In CI the run fails instead.
import process from 'node:process';
import type { TestProject } from 'vitest/node';
import { startPostgres } from './engines/postgres.ts';

export default async function startEngines(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  if (process.env['PROOFHOUSE_ENGINES'] === 'off') return undefined;
  try {
    // fsync is off, because these tests do not test durability. Tests of durability start their own engine.
    const postgres = await startPostgres({ fsync: false });
    project.provide('postgresUrl', postgres.url);
    return () => postgres.stop();
  } catch (error) {
    if (isSet(process.env['CI'])) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`\nNO POSTGRES: the tests that need one are SKIPPED. ${reason}\n\n`);
    return undefined;
  }
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== 'false' && value !== '0';
}
