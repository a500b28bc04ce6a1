import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, vi } from 'vitest';
import { ProofhouseClient } from '../index.ts';
import { runWorker, type WorkerLogEntry, type WorkerOptions } from '../worker/index.ts';
import { FakeServer } from './fake-server.ts';

/** Creates a fake server, folders, and a function `work` that runs a worker with a shell script as its command. */
export async function setUpWorker() {
  const server = await FakeServer.start();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const folder = await mkdtemp(path.join(tmpdir(), 'worker-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const stop = new AbortController();
  const entries: WorkerLogEntry[] = [];
  const client = new ProofhouseClient({ url: server.url, token: 'phw_own', retry: { baseDelayMs: 1, maxDelayMs: 5 } });
  const work = (script: string, options: Partial<WorkerOptions> = {}) =>
    runWorker({
      client,
      command: ['sh', '-c', script],
      env: {
        PATH: process.env['PATH'],
        PROOFHOUSE_TOKEN: 'phw_own',
        ARTIFACT_STORE_API_KEY: 'store-key',
        PLAIN: 'yes',
      },
      cwd: folder,
      workRoot: path.join(folder, '..', `${path.basename(folder)}-root`),
      once: true,
      signal: stop.signal,
      graceMs: 300,
      log: (entry) => entries.push(entry),
      ...options,
    });
  const workRoot = path.join(folder, '..', `${path.basename(folder)}-root`);
  onTestFinished(() => rm(workRoot, { recursive: true, force: true }));
  return { server, client, folder, workRoot, stop, entries, work };
}

/** Returns the process id that a script wrote into a file. */
export async function startedPid(file: string): Promise<number> {
  return vi.waitFor(async () => {
    const pid = Number(await readFile(file, 'utf8'));
    expect(pid).toBeGreaterThan(0);
    return pid;
  }, 5000);
}

/**
 * Waits up to 3 seconds until the process has ended. A zombie (a process that has ended and that no parent has reaped)
 * counts as ended.
 */
export async function expectGone(pid: number): Promise<void> {
  await vi.waitFor(async () => {
    const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') gone');
    expect(state.slice(state.lastIndexOf(')') + 2)).toMatch(/^(Z|X|gone)/);
  }, 3000);
}
