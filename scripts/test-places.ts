// Global setup of vitest: sets the folders that the tests use. The temporary folder of the run is in memory if enough
// memory is free. Writing to a disk takes longer than most tests, and no test simulates a power failure. A cache of
// compiled modules halves the time in which a child process imports the server.
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';

const memory = '/dev/shm';
/** Bytes that must be free in `/dev/shm`. If fewer are free, the tests use the temporary folder of the system. */
const room = 4 * 1024 ** 3;

/** Prefix of the temporary folder. It must be short, because the path of a Unix socket has at most 107 bytes. */
const prefix = 'ph-run-';

/**
 * Sets TMPDIR and NODE_COMPILE_CACHE, which vitest workers and their child processes inherit. Returns the teardown. It
 * removes the temporary folder, and lists the files that tests left there.
 */
export default function setTestPlaces(): () => void {
  const root = temporaryRoot();
  removeAbandoned(root);
  const folder = mkdtempSync(path.join(root, `${prefix}${String(process.pid)}-`));
  // The folder needs the permissions of /tmp, because tests also run engines and commands as other users.
  chmodSync(folder, 0o1777);
  process.env['TMPDIR'] = folder;
  process.env['NODE_COMPILE_CACHE'] ??= path.resolve(import.meta.dirname, '../.cache/compiled');
  return () => {
    const left = readdirSync(folder);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    if (left.length > 0) process.stderr.write(`\nLEFT BEHIND by tests in the temporary folder: ${left.join(', ')}\n\n`);
  };
}

/** Removes the temporary folders of test runs that were killed, because they take up memory. */
function removeAbandoned(root: string): void {
  for (const name of readdirSync(root)) {
    const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length).split('-')[0]) : 0;
    if (pid > 0 && !isRunning(pid)) rmSync(path.join(root, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // ESRCH means that no such process exists. EPERM means that it exists and belongs to another user.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

function temporaryRoot(): string {
  return isUsableMemory() ? memory : os.tmpdir();
}

/**
 * Returns true if `/dev/shm` is usable. In containers it often has only 64 MiB or forbids the execution of programs.
 */
function isUsableMemory(): boolean {
  try {
    const mounts = readFileSync('/proc/mounts', 'utf8').split('\n');
    const [, , type, options = ''] = mounts.find((line) => line.split(' ')[1] === memory)?.split(' ') ?? [];
    const { bavail, bsize } = statfsSync(memory);
    return type === 'tmpfs' && !options.split(',').includes('noexec') && bavail * bsize >= room;
  } catch {
    return false;
  }
}
