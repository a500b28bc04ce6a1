import { Transform, type Readable, type Writable } from 'node:stream';
import { AppError, parseJson, toolFailure, type JsonObjection } from '@proofhouse/core';
import { parseJSONRPCMessage } from '@modelcontextprotocol/server';

/** Largest message in bytes, equal to the limit of the MCP SDK. */
const maxMessageBytes = 10 * 1024 * 1024;

export interface MessageStreams {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/**
 * Returns the valid messages among the lines of standard input. A line is valid only if JSON parsing does not change
 * its values. Every other line is answered here with the error that the server returns over HTTP. The MCP SDK would not
 * answer such a line, or would change its values. A line without an id cannot be answered, because MCP has no null ids.
 * It is reported on standard error.
 */
export function soundMessages({ stdin, stdout, stderr }: MessageStreams): Readable {
  let kept: Buffer[] = [];
  let size = 0;
  const answer = (message: Refusal): void => {
    if (message.id !== null) stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
    else stderr.write(`proofhouse: ${message.error?.message ?? 'A message was refused.'}\n`);
  };
  const line = (bytes: Buffer, sound: (bytes: Buffer) => void): void => {
    if (bytes.toString('latin1').trim() === '') return;
    const refusal = refusalOf(bytes);
    if (refusal === undefined) sound(Buffer.concat([bytes, Buffer.from('\n')]));
    else answer(refusal);
  };
  return stdin.pipe(
    new Transform({
      transform(chunk: Buffer, _encoding, done) {
        let from = 0;
        for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, from)) {
          line(Buffer.concat([...kept, chunk.subarray(from, end)]), (bytes) => this.push(bytes));
          [kept, size, from] = [[], 0, end + 1];
        }
        const rest = chunk.subarray(from);
        kept.push(rest);
        size += rest.length;
        done(size > maxMessageBytes ? new Error('a message is larger than 10 MiB') : undefined);
      },
    }),
  );
}

interface Refusal {
  readonly id: string | number | null;
  readonly error?: { readonly code: number; readonly message: string };
  readonly result?: unknown;
}

/** Returns the answer to a line that must be refused, or undefined for a valid message. */
function refusalOf(bytes: Buffer): Refusal | undefined {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return errorOf(null, -32700, 'The message is not UTF-8.');
  }
  const { value, objection } = parseJson(text);
  if (objection?.kind === 'syntax') return errorOf(null, -32700, 'The message is not JSON.');
  if (Array.isArray(value)) return errorOf(null, -32600, 'Send one message in each line.');
  const { id: given, method } = Object(value) as { readonly id?: unknown; readonly method?: unknown };
  const id = typeof given === 'string' || Number.isSafeInteger(given) ? (given as string | number) : null;
  if (objection !== undefined) {
    if (method === 'tools/call' && id !== null) return { id, result: toolFailure(refusalOfArguments(objection)) };
    return errorOf(id, -32600, `${objection.path} ${objection.message}.`);
  }
  return isMessage(value) ? undefined : errorOf(id, -32600, 'The message is not one of JSON-RPC 2.0.');
}

function refusalOfArguments({ kind, path, message }: JsonObjection): AppError {
  const plain = path.replace(/^params\.arguments\.?/, '') || 'arguments';
  return new AppError(kind === 'key' ? 'bad_request' : 'invalid_request', `${plain} ${message}.`, {
    errors: [{ path: plain, message }],
  });
}

function isMessage(value: unknown): boolean {
  try {
    parseJSONRPCMessage(value);
    return true;
  } catch {
    return false;
  }
}

function errorOf(id: Refusal['id'], code: number, message: string): Refusal {
  return { id, error: { code, message } };
}
