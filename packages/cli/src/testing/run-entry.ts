import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const entry = fileURLToPath(new URL('../../bin/proofhouse.js', import.meta.url));

/**
 * The cache of compiled modules, which all processes of the tests share. Without it, a command spends half of its time
 * on compiling.
 */
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
   * Called after each write with the whole standard output so far. May return a process signal, which is then sent to
   * the process.
   */
  readonly onOutput?: (stdout: string) => NodeJS.Signals | undefined;
}

/**
 * Runs a command as a user does: as the real program, in its own process. The command gets only PATH, HOME and the
 * compile cache from the environment of this process.
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
