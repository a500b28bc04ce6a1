// Starts a real, temporary Postgres for tests, benchmarks and the demo, without Docker or a system service. Postgres
// refuses to run as root. So if this process runs as root, Postgres runs as `nobody`.
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { KeepOrder } from './keep-process.ts';
import { findPostgresBinaries } from './postgres-binaries.ts';

export interface PostgresOptions {
  /** Folder in which the folder of the engine is created. Default: the temporary folder of the system. */
  readonly dir?: string;
  /** False makes writes faster but not durable. Default: true. */
  readonly fsync?: boolean;
}

export interface RunningPostgres {
  /** URL of the maintenance database. Its role may create databases. */
  readonly url: string;
  readonly pid: number;
  readonly folder: string;
  /** Creates an empty database and returns its URL. The default name is random. */
  createDatabase(name?: string): Promise<string>;
  /** Stops the engine (fast shutdown) and removes its folder. Idempotent. */
  stop(): Promise<void>;
}

interface Home {
  readonly folder: string;
  readonly data: string;
  readonly sockets: string;
  readonly log: string;
  readonly bin: string;
  readonly user?: { readonly uid: number; readonly gid: number };
}

const startWithinMs = 30_000;
const portAttempts = 3;

export async function startPostgres(options: PostgresOptions = {}): Promise<RunningPostgres> {
  const home = makeHome(options);
  try {
    initialize(home);
    return await startOnFreePort(home, options.fsync ?? true);
  } catch (error) {
    rmSync(home.folder, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Creates an empty database on the Postgres at `url`, and returns the URL of the database. For tests that use the
 * Postgres of another process.
 */
export async function createDatabase(url: string, name = `test_${randomBytes(6).toString('hex')}`): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`create database ${pg.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
  const created = new URL(url);
  created.pathname = `/${name}`;
  return created.href;
}

function makeHome(options: PostgresOptions): Home {
  const binaries = findPostgresBinaries();
  if (binaries === undefined) {
    throw new Error('no Postgres found: run npm ci, or install the postgresql package of your system.');
  }
  const user = engineUser();
  const folder = mkdtempSync(path.join(reachableParent(options.dir, user !== undefined), 'proofhouse-pg-'));
  chmodSync(folder, 0o755);
  let bin = binaries.bin;
  if (user !== undefined && binaries.movable && !isReachable(binaries.root)) {
    cpSync(binaries.root, path.join(folder, 'native'), { recursive: true, verbatimSymlinks: true });
    bin = path.join(folder, 'native', 'bin');
  }
  const home = {
    folder,
    data: path.join(folder, 'data'),
    sockets: path.join(folder, 'run'),
    log: path.join(folder, 'log'),
  };
  for (const owned of [home.data, home.sockets]) {
    mkdirSync(owned, { mode: 0o700 });
    if (user !== undefined) chownSync(owned, user.uid, user.gid);
  }
  return { ...home, bin, ...(user === undefined ? {} : { user }) };
}

/**
 * Returns the user that Postgres must run as: `nobody` if this process is root, otherwise undefined (the current user).
 */
function engineUser(): Home['user'] {
  if (process.getuid?.() !== 0) return undefined;
  const line = /^nobody:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'));
  return { uid: Number(line?.[1] ?? 65534), gid: Number(line?.[2] ?? 65534) };
}

function reachableParent(wanted: string | undefined, othersMustReach: boolean): string {
  const candidates = wanted === undefined ? [os.tmpdir(), '/tmp', '/var/tmp'] : [wanted];
  const parent = candidates.find((candidate) => existsSync(candidate) && (!othersMustReach || isReachable(candidate)));
  if (parent !== undefined) return parent;
  throw new Error(
    `Postgres runs as another user than root, who cannot enter ${candidates.join(' or ')}; choose another folder.`,
  );
}

/** Returns true if every user can enter the folder: the folder and all its parents have the permission x for others. */
function isReachable(folder: string): boolean {
  const parent = path.dirname(folder);
  return (statSync(folder).mode & 0o001) !== 0 && (parent === folder || isReachable(parent));
}

function initialize(home: Home): void {
  const args = ['-D', home.data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  const result = spawnSync(path.join(home.bin, 'initdb'), args, {
    cwd: home.folder,
    env: environment(home),
    encoding: 'utf8',
    ...home.user,
  });
  if (result.status === 0) return;
  throw new Error(`initdb failed: ${result.error?.message ?? `${result.stdout}${result.stderr}`}`);
}

/** Starts Postgres on a free port. Retries if another process has taken the port before Postgres uses it. */
async function startOnFreePort(home: Home, fsync: boolean): Promise<RunningPostgres> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const keeper = startKeeper(home, port, fsync);
    if (await isReady(keeper, home)) return running(home, keeper, port);
    const log = existsSync(home.log) ? readFileSync(home.log, 'utf8').slice(-2000) : 'it wrote nothing';
    if (attempt === portAttempts || !/could not bind|could not create any TCP/.test(log)) {
      throw new Error(`Postgres did not start: ${log}`);
    }
  }
}

function startKeeper(home: Home, port: number, fsync: boolean): ChildProcess {
  const settings = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    `unix_socket_directories=${home.sockets}`,
    `fsync=${fsync ? 'on' : 'off'}`,
    'max_connections=200',
    'timezone=UTC',
  ];
  const order: KeepOrder = {
    command: path.join(home.bin, 'postgres'),
    args: ['-D', home.data, ...settings.flatMap((setting) => ['-c', setting])],
    cwd: home.folder,
    env: environment(home),
    stopSignal: 'SIGINT',
    stopWithinMs: 10_000,
    logFile: home.log,
    removeAfter: home.folder,
    ...(home.user === undefined ? {} : { user: home.user }),
  };
  const script = path.join(import.meta.dirname, 'keep-process.ts');
  // The process of `keep-process.ts` has its own process group. So Ctrl-C reaches only this process, which then stops
  // Postgres in the correct order.
  const keeper = spawn(process.execPath, [script, JSON.stringify(order)], {
    cwd: home.folder,
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  keeper.unref();
  return keeper;
}

async function isReady(keeper: ChildProcess, home: Home): Promise<boolean> {
  const giveUpAt = Date.now() + startWithinMs;
  while (keeper.exitCode === null && Date.now() < giveUpAt) {
    if (postmasterLines(home)[7]?.trim() === 'ready') return true;
    await sleep(20);
  }
  await stopKeeper(keeper);
  return false;
}

/** Returns the lines of postmaster.pid. Postgres writes its pid into line 1 and its state into line 8. */
function postmasterLines(home: Home): readonly string[] {
  const file = path.join(home.data, 'postmaster.pid');
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
}

function running(home: Home, keeper: ChildProcess, port: number): RunningPostgres {
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  return {
    url,
    pid: Number(postmasterLines(home)[0]),
    folder: home.folder,
    createDatabase: (name) => createDatabase(url, name),
    stop: () => stopKeeper(keeper),
  };
}

async function stopKeeper(keeper: ChildProcess): Promise<void> {
  if (keeper.exitCode !== null || keeper.signalCode !== null) return;
  keeper.ref();
  const gone = once(keeper, 'exit');
  keeper.stdin?.end();
  await gone;
}

function environment(home: Home): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: home.folder, LANG: 'C', LC_ALL: 'C', TZ: 'UTC' };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('the system gave no port number.');
  return address.port;
}
