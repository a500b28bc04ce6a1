// Starts a server in its own process and returns its port. A measured server must not run in the process of the load
// generator.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { createInterface } from 'node:readline';

export interface RunningProcess {
  readonly pid: number;
  readonly port: number;
  readonly stop: () => Promise<void>;
}

export interface StartOrder {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const startWithinMs = 15_000;

/** Starts a server. The server must print `… port=<number>` to standard output when it listens. */
export async function startProcess(order: StartOrder): Promise<RunningProcess> {
  const child = spawn(order.command, order.args, {
    env: { ...process.env, ...order.env },
    stdio: ['ignore', 'pipe', process.env['BENCH_SERVER_LOG'] === undefined ? 'ignore' : 'inherit'],
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), startWithinMs);
  for await (const line of createInterface({ input: child.stdout })) {
    const port = /port=(\d+)/.exec(line)?.[1];
    if (port === undefined) continue;
    clearTimeout(timer);
    return { pid: child.pid ?? 0, port: Number(port), stop: () => stop(child) };
  }
  throw new Error(`${order.args.join(' ')} ended before it listened (BENCH_SERVER_LOG=1 shows why).`);
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await ended;
  clearTimeout(timer);
}
