// Vitest's global setup: where the tests keep their files. One temporary folder for the whole run, in memory where there
// is room (writing through to a disk costs more than most tests, and no test can cut the power), and a cache of compiled
// modules for the processes that tests start: importing the server then takes half the time.
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';

const memory = '/dev/shm';
/** Bytes that must be free for tests to run in memory. */
const room = 4 * 1024 ** 3;

/** Short: the path of a Unix socket has at most 107 bytes. */
const prefix = 'ph-run-';

/** Workers and what they start inherit these variables. */
export default function setTestPlaces(): () => void {
  const root = temporaryRoot();
  removeAbandoned(root);
  const folder = mkdtempSync(path.join(root, `${prefix}${String(process.pid)}-`));
  // As /tmp: engines and commands of tests run as other users too.
  chmodSync(folder, 0o1777);
  process.env['TMPDIR'] = folder;
  process.env['NODE_COMPILE_CACHE'] ??= path.resolve(import.meta.dirname, '../.cache/compiled');
  return () => {
    const left = readdirSync(folder);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    if (left.length > 0) process.stderr.write(`\nLEFT BEHIND by tests in the temporary folder: ${left.join(', ')}\n\n`);
  };
}

/** Removes the folders of runs that were killed: they take up memory. */
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
    // EPERM: it belongs to another user.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

function temporaryRoot(): string {
  return isUsableMemory() ? memory : os.tmpdir();
}

/** Containers often have 64 MiB there, or allow no program to be run from it. */
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
