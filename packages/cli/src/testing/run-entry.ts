import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const entry = fileURLToPath(new URL('../../bin/proofhouse.js', import.meta.url));

/** The cache of compiled modules, shared by all processes of tests. Without it, compiling takes half the time of a command. */
export const compileCache = { NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? '' };

export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  readonly input?: string | Uint8Array;
  /**
   * Called after each write with the whole standard output so far. If it returns a signal, that signal is sent to the
   * process.
   */
  readonly onOutput?: (stdout: string) => NodeJS.Signals | undefined;
}

/**
 * Runs a command as a user does: with the real entry, in a process of its own. From the environment of this process, the
 * command gets only PATH, HOME and the compile cache.
 */
export function runEntry(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [entry, ...args], {
      cwd: options.cwd,
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...compileCache, ...options.env },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      const signal = options.onOutput?.(stdout);
      if (signal !== undefined) child.kill(signal);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });
}
