// Runs one database engine until the stdin of this process closes. The process that started it holds stdin open. Stdin
// closes after `stop()` or Ctrl-C, and also after a crash or SIGKILL of that process. This process then stops the
// engine and removes its folder. The other process could not do this itself, because no handler runs after SIGKILL.
import { spawn } from 'node:child_process';
import { openSync, rmSync } from 'node:fs';
import process from 'node:process';

export interface KeepOrder {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user?: { readonly uid: number; readonly gid: number };
  readonly stopSignal: NodeJS.Signals;
  readonly stopWithinMs: number;
  readonly logFile: string;
  readonly removeAfter: string;
}

function keep(order: KeepOrder): void {
  const log = openSync(order.logFile, 'a');
  const engine = spawn(order.command, order.args, {
    cwd: order.cwd,
    env: order.env,
    stdio: ['ignore', log, log],
    ...order.user,
  });
  let stopping = false;
  process.stdin.resume();
  process.stdin.once('close', () => {
    stopping = true;
    engine.kill(order.stopSignal);
    setTimeout(() => engine.kill('SIGKILL'), order.stopWithinMs).unref();
  });
  engine.once('error', () => process.exit(1));
  engine.once('exit', () => {
    // If the engine exited by itself, its folder must stay, because the other process reads the log in it for its error
    // message.
    if (stopping) rmSync(order.removeAfter, { recursive: true, force: true, maxRetries: 5 });
    process.exit(stopping ? 0 : 1);
  });
}

keep(JSON.parse(process.argv[2] ?? '') as KeepOrder);
