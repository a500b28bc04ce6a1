// Starts the `proofhouse` command as a user would, waits for lines of its output, and stops it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';

const entry = path.resolve(import.meta.dirname, '../../packages/cli/src/main.ts');

export interface RunningCommand {
  /** Resolves with the first line that matches. The line may have been printed before the call. */
  line(stream: 'stdout' | 'stderr', pattern: RegExp): Promise<RegExpExecArray>;
  throwIfEnded(): void;
  stop(): Promise<void>;
}

export function startCommand(
  args: readonly string[],
  options: { cwd: string; env: Readonly<Record<string, string>> },
): RunningCommand {
  const child = spawn(process.execPath, [entry, ...args], {
    cwd: options.cwd,
    env: { ...withoutOurs(process.env), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: Record<'stdout' | 'stderr', string[]> = { stdout: [], stderr: [] };
  const watchers = new Set<() => void>();
  for (const stream of ['stdout', 'stderr'] as const) {
    createInterface({ input: child[stream] }).on('line', (line) => {
      lines[stream].push(line);
      for (const watch of watchers) watch();
    });
  }
  child.once('exit', () => {
    for (const watch of watchers) watch();
  });
  const ended = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const throwIfEnded = (): void => {
    if (ended()) throw new Error(`proofhouse ${args[0] ?? ''} ended early:\n${lines.stderr.join('\n')}`);
  };
  return {
    throwIfEnded,
    line: (stream, pattern) =>
      new Promise((resolve, reject) => {
        const watch = (): void => {
          const found = lines[stream].map((line) => pattern.exec(line)).find((match) => match !== null);
          if (found === undefined && !ended()) return;
          watchers.delete(watch);
          if (found === undefined) reject(new Error(`proofhouse ${args[0] ?? ''} ended:\n${lines.stderr.join('\n')}`));
          else resolve(found);
        };
        watchers.add(watch);
        watch();
      }),
    stop: async () => {
      if (ended()) return;
      child.kill('SIGTERM');
      const cutOff = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await once(child, 'exit');
      clearTimeout(cutOff);
    },
  };
}

// Removes all Proofhouse variables, so that a demo inside a job, or beside a configured server, does not use them.
function withoutOurs(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(PROOFHOUSE_|AGENT_JOB_|PORT$)/.test(name)));
}
