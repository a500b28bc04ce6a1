// Runs a server in a child process that a test can stop or kill.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';

export const chaosToken = 'chaos-admin-token-of-forty-characters-00';

/** How a process ended: its exit code or signal. Also its standard error. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

const startWithinMs = 30_000;
const keptCharacters = 20_000;

export class ServerProcess {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<Ending>;

  private constructor(child: ChildProcess, ended: Promise<Ending>, url: string) {
    this.#child = child;
    this.#ended = ended;
    this.url = url;
  }

  /** Starts a server process. Returns the server when it listens. If the process ends first, returns how it ended. */
  static async start(env: Readonly<Record<string, string>>): Promise<ServerProcess | Ending> {
    const child = spawn(process.execPath, [path.join(import.meta.dirname, 'serve.ts')], {
      env: {
        ...process.env,
        PROOFHOUSE_PORT: '0',
        PROOFHOUSE_ADMIN_TOKEN: chaosToken,
        PROOFHOUSE_LOG_LEVEL: 'error',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = endingOf(child);
    const port = new Promise<string>((resolve) => {
      let said = '';
      child.stdout.on('data', (chunk: Buffer) => {
        said += chunk.toString('utf8');
        const found = /PROOFHOUSE_LISTENING .*port=(\d+)/.exec(said)?.[1];
        if (found !== undefined) resolve(found);
      });
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), startWithinMs);
    const first = await Promise.race([port, ended]);
    clearTimeout(timer);
    if (typeof first !== 'string') return first;
    return new ServerProcess(child, ended, `http://127.0.0.1:${first}`);
  }

  /** Starts a server process. Throws if the process ends before the server listens. */
  static async mustStart(env: Readonly<Record<string, string>>): Promise<ServerProcess> {
    const started = await ServerProcess.start(env);
    if (started instanceof ServerProcess) return started;
    throw new Error(`The server did not start (${String(started.code ?? started.signal)}): ${started.stderr}`);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Returns the resident memory of the process in bytes. Works on Linux only. */
  residentBytes(): number {
    const status = readFileSync(`/proc/${String(this.#child.pid)}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  }

  kill(): Promise<Ending> {
    this.#child.kill('SIGKILL');
    return this.#ended;
  }

  stop(): Promise<Ending> {
    this.#child.kill('SIGTERM');
    return this.#ended;
  }

  fetch(place: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('authorization', headers.get('authorization') ?? `Bearer ${chaosToken}`);
    return fetch(`${this.url}${place}`, { ...init, headers });
  }

  /** Makes a call and returns the JSON of its answer. Throws if the call fails. */
  async json(place: string, body?: unknown, headers: Record<string, string> = {}): Promise<unknown> {
    const init =
      body === undefined
        ? { headers }
        : {
            method: 'POST',
            body: JSON.stringify(body),
            headers: { 'content-type': 'application/json', ...headers },
          };
    const response = await this.fetch(place, init);
    if (!response.ok) throw new Error(`${place}: ${String(response.status)} ${await response.text()}`);
    return response.json();
  }

  async newJob(): Promise<string> {
    return ((await this.json('/api/queue/jobs', { type: 'exec', payload: { command: 'true' } })) as { id: string }).id;
  }
}

async function endingOf(child: ChildProcess): Promise<Ending> {
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString('utf8')).slice(-keptCharacters);
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, stderr };
}
