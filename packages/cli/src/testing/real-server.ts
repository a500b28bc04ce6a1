import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { compileCache } from './run-entry.ts';

const entry = fileURLToPath(new URL('../../bin/proofhouse.js', import.meta.url));

/**
 * A server process that runs `proofhouse serve` with its own data folder. The folder stays when the server restarts.
 */
export class RealServer {
  readonly adminToken = 'the-admin-token-of-the-real-server';
  /** The data folder. */
  readonly folder: string;
  readonly #settings: Readonly<Record<string, string>>;
  #port = '0';
  #process: ChildProcess | undefined;
  /** Everything that the server has written to standard error, which is its log. */
  log = '';

  private constructor(folder: string, settings: Readonly<Record<string, string>>) {
    this.folder = folder;
    this.#settings = settings;
  }

  static async start(settings: Readonly<Record<string, string>> = {}): Promise<RealServer> {
    const server = new RealServer(await mkdtemp(path.join(tmpdir(), 'real-server-')), settings);
    await server.start();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Starts the server. After `stop` or `kill`, it uses the same port again. */
  async start(): Promise<void> {
    const args = ['serve', '--port', this.#port, '--data-dir', this.folder];
    const settings = {
      PROOFHOUSE_ADMIN_TOKEN: this.adminToken,
      PROOFHOUSE_LOG_LEVEL: 'error',
      PROOFHOUSE_SHUTDOWN_SECONDS: '1',
      ...this.#settings,
    };
    const child = spawn(process.execPath, [entry, ...args], {
      env: { PATH: process.env['PATH'], ...compileCache, ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    const logBefore = this.log.length;
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.log += text));
    for await (const line of createInterface({ input: child.stdout })) {
      const port = /^PROOFHOUSE_LISTENING .*port=(\d+)$/.exec(line)?.[1];
      if (port === undefined) continue;
      this.#port = port;
      return;
    }
    throw new Error(`the server did not start: ${this.log.slice(logBefore)}`);
  }

  async stop(): Promise<void> {
    const child = this.#process;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }

  /** Kills the server with SIGKILL, to simulate a crash. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}
