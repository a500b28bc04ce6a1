// Tests which files of a running server another user of the same machine can read, change, lock or create. Needs root:
// the server runs as root, and the attacks run as the user `nobody`.
import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { ServerProcess } from '../chaos/server-process.ts';

/** User id of `nobody` on Debian and most other systems. */
const otherUser = 65_534;

interface Attempt {
  readonly what: string;
  readonly script: string;
}

function attemptsOn(folder: string, pid: number): Attempt[] {
  const database = path.join(folder, 'proofhouse.db');
  const files = [database, `${database}-wal`, `${database}-shm`, `${database}.lock`];
  return [
    ...files.map((file) => ({ what: `read ${path.basename(file)}`, script: `cat '${file}'` })),
    { what: 'write to the database', script: `printf x >> '${database}'` },
    { what: 'lock the database', script: `flock -n '${database}' true` },
    { what: 'list the data folder', script: `ls '${folder}'` },
    { what: 'read any blob', script: `find '${folder}/blobs' -type f | head -1 | xargs -r cat; ls '${folder}/blobs'` },
    { what: 'plant a blob', script: `touch '${folder}/blobs/planted'` },
    { what: 'plant a link in the job view', script: `ln -s /etc/passwd '${folder}/artifacts/agent_jobs/planted'` },
    { what: 'read the environment of the server', script: `cat /proc/${String(pid)}/environ` },
    { what: 'stop the server', script: `kill -9 ${String(pid)}` },
  ];
}

async function run(folder: string): Promise<boolean> {
  // The parents of a real data folder are often open to all users. So the data folder itself must be protected.
  const data = path.join(folder, 'data');
  process.umask(0);
  const server = await ServerProcess.mustStart({ PROOFHOUSE_DATA_DIR: data });
  try {
    const job = await server.newJob();
    const body = Buffer.from('private bytes');
    await server.fetch(`/api/queue/jobs/${job}/artifacts/a.txt`, { method: 'PUT', body });
    const attempts = attemptsOn(data, server.pid);
    const succeeded = attempts.filter(({ script }) => {
      const { status, stdout } = spawnSync('sh', ['-c', script], { uid: otherUser, gid: otherUser, encoding: 'utf8' });
      return status === 0 || stdout.includes('private bytes');
    });
    const alive = (await server.fetch('/readyz')).status === 200;
    const lines = [
      `${String(attempts.length)} attempts of another user, ${String(succeeded.length)} succeeded; the server ${alive ? 'went on' : 'was stopped'}.`,
      ...succeeded.map(({ what }) => `- ${what}`),
    ];
    process.stdout.write(`RESULT\n${lines.join('\n')}\n`);
    return succeeded.length === 0 && alive && (await readdir(data)).length > 0;
  } finally {
    await server.stop();
  }
}

if (process.getuid?.() !== 0) {
  process.stdout.write('RESULT\nNot run: only root can act as another user.\n');
  process.exitCode = process.env['CI'] === undefined ? 0 : 1;
} else {
  const folder = await mkdtemp(path.join(tmpdir(), 'proofhouse-local-'));
  try {
    await chmod(folder, 0o755);
    process.exitCode = (await run(folder)) ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
