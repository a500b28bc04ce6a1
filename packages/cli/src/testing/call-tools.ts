import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { compileCache } from './run-entry.ts';

const entry = path.resolve(import.meta.dirname, '../../bin/proofhouse.js');

interface ToolCall {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/**
 * Calls tools of `proofhouse mcp` one after another. Returns everything that it wrote to standard output and standard
 * error. Throws if a call fails.
 */
export async function callTools(
  { env, cwd }: { readonly env: Readonly<Record<string, string>>; readonly cwd: string },
  calls: readonly ToolCall[],
): Promise<string> {
  const child = spawn(process.execPath, [entry, 'mcp'], { cwd, env: { ...compileCache, ...env } });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const send = (message: object): void => void child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  const clientInfo = { name: 'proofhouse-tests', version: '1' };
  send({ id: 0, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo } });
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    const { id, error, result } = JSON.parse(line) as { id: number; error?: unknown; result?: { isError?: boolean } };
    if (error !== undefined || result?.isError === true) throw new Error(`call ${id}: ${line.slice(0, 2000)}`);
    if (id === 0) send({ method: 'notifications/initialized' });
    const next = calls[id];
    if (next === undefined) break;
    send({ id: id + 1, method: 'tools/call', params: next });
  }
  child.stdin.end();
  await once(child, 'close');
  return `${lines.join('\n')}\n${stderr}`;
}
