import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import pg from 'pg';
import { describe, expect, it, vi } from 'vitest';
import { startPostgres } from './postgres.ts';

describe.skipIf(process.env['PROOFHOUSE_ENGINES'] === 'off')('a throw-away Postgres', () => {
  it('runs with a database of its own and leaves nothing behind', async () => {
    const engine = await startPostgres();
    const client = new pg.Client({ connectionString: await engine.createDatabase('one more') });
    await client.connect();
    const answer = await client.query<{ one: number; fsync: string }>(
      "select 1 as one, current_setting('fsync') as fsync",
    );
    expect(answer.rows).toEqual([{ one: 1, fsync: 'on' }]);
    await client.end();
    await engine.stop();
    await engine.stop();
    expect(isRunning(engine.pid)).toBe(false);
    expect(existsSync(engine.folder)).toBe(false);
  });

  it('ends with its starter, even when that is killed', async () => {
    const module = path.join(import.meta.dirname, 'postgres.ts');
    const script = `
      const { startPostgres } = await import(${JSON.stringify(module)});
      const { pid, folder } = await startPostgres({ fsync: false });
      console.log(JSON.stringify({ pid, folder }));
      setInterval(() => {}, 1000);`;
    const starter = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(starter.stdout, 'data')) as [Buffer];
    const engine = JSON.parse(line.toString()) as { pid: number; folder: string };
    expect(isRunning(engine.pid)).toBe(true);
    starter.kill('SIGKILL');
    await vi.waitUntil(() => !isRunning(engine.pid) && !existsSync(engine.folder), { timeout: 15_000 });
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
