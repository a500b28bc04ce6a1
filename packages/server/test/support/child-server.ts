import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { adminToken } from './test-server.ts';

/** A server in a child process, for tests of its umask and of SIGKILL. */
export class ChildServer {
  readonly #process: ChildProcess;
  readonly #exit: Promise<unknown>;
  stdout = '';
  stderr = '';

  constructor(dataDir: string, settings: Readonly<Record<string, string>> = {}) {
    const program = path.join(import.meta.dirname, 'serve.ts');
    const env = {
      PATH: process.env['PATH'],
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      PROOFHOUSE_DATA_DIR: dataDir,
      PROOFHOUSE_PORT: '0',
      PROOFHOUSE_ADMIN_TOKEN: adminToken,
      PROOFHOUSE_LOG_LEVEL: 'warn',
      ...settings,
    };
    this.#process = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#exit = once(this.#process, 'close');
    this.#process.stdout?.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.#process.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
  }

  /** Returns the base URL as soon as the server listens. Returns undefined if the server ends without having listened. */
  async url(): Promise<string | undefined> {
    for (;;) {
      const port = /port=(\d+)/.exec(this.stdout)?.[1];
      if (port !== undefined) return `http://127.0.0.1:${port}`;
      const out = this.#process.stdout;
      const ended = await Promise.race([
        this.#exit.then(() => true),
        out === null ? true : once(out, 'data').then(() => false),
      ]);
      if (ended) return undefined;
    }
  }

  /** Returns the exit code when the server has ended, or null if a signal ended it. */
  async ended(): Promise<number | null> {
    await this.#exit;
    return this.#process.exitCode;
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number | null> {
    this.#process.kill(signal);
    return this.ended();
  }
}
