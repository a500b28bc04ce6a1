// Runs one part of the soak test in a child process, prints its output, and returns its result.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import type { SoakPart } from './soak-parts.ts';

export interface SoakOutcome {
  readonly part: SoakPart;
  readonly env: Readonly<Record<string, string>>;
  readonly passed: boolean;
  readonly seconds: number;
  /** The text for docs/soak.md: the result of the part and, if the part failed, the end of its output. */
  readonly said: string;
}

const root = path.resolve(import.meta.dirname, '../..');
const withinMs = 90 * 60_000;
const keptCharacters = 20_000;
const failureLines = 30;

/** Runs the part. If `signal` aborts, the part is stopped and counts as failed. */
export async function runPart(part: SoakPart, small: boolean, signal?: AbortSignal): Promise<SoakOutcome> {
  const env = small ? { ...part.env, ...part.small } : part.env;
  const [program = 'node', ...args] = part.command;
  const start = performance.now();
  const child = spawn(program === 'node' ? process.execPath : program, args, {
    cwd: root,
    // CI is set so that a part fails if something that it requires is missing, such as Postgres. Otherwise it would be
    // skipped.
    env: { ...process.env, CI: 'true', NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: withinMs,
    signal,
  });
  let kept = '';
  const keep = (stream: NodeJS.WriteStream) => (chunk: Buffer) => {
    stream.write(chunk);
    kept = (kept + chunk.toString('utf8')).slice(-keptCharacters);
  };
  child.stdout.on('data', keep(process.stdout));
  child.stderr.on('data', keep(process.stderr));
  const passed = await once(child, 'close').then(
    ([code]) => code === 0,
    (error: unknown) => {
      kept += String(error);
      return false;
    },
  );
  const result = /^RESULT\n([^]*)/m.exec(kept)?.[1]?.trim() ?? '';
  const said = passed ? result : [result, quoted(kept)].filter((text) => text !== '').join('\n\n');
  return { part, env, passed, seconds: Math.round((performance.now() - start) / 1000), said };
}

/**
 * Returns the last lines of a text as a code block. A line that would end the block or begin a section gets a space
 * before it. The path of this checkout is replaced by a dot.
 */
function quoted(text: string): string {
  const lines = text
    .trim()
    .replaceAll(process.cwd(), '.')
    .replaceAll(/^(?=#|`{3})/gm, ' ')
    .split('\n')
    .slice(-failureLines);
  return `\`\`\`text\n${lines.join('\n')}\n\`\`\``;
}
