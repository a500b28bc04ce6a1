import { createReadStream } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import {
  AppError,
  createJobSchema,
  isAppError,
  maxJobsPerBatch,
  parseFields,
  parseJson,
  type CreateJob,
} from '@proofhouse/core';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { CommandContext } from '../command-context.ts';
import { utf8Pieces } from '../input/utf8-text.ts';

/**
 * One job of a JSON lines file, with its line number (counted from 1) and its approximate size in the body of the
 * request.
 */
export interface JobLine {
  readonly number: number;
  readonly job: CreateJob;
  readonly bytes: number;
}

/** Largest size of a batch in bytes of JSON. The body of the request then stays below 1 MiB, the limit of a server. */
const maxBatchBytes = 700 * 1024;

/**
 * Yields the jobs of a JSON lines file in batches, one batch for each call. The file name `-` means standard input.
 * Blank lines are skipped. A line without an idempotency key gets the key `<keyPrefix>:<line number>`, so that a
 * repeated run creates no job twice. Without `keyPrefix`, the prefix is a hash of the line. Throws `invalid_request`
 * with the line number.
 */
export async function* jobBatches(
  source: string,
  context: CommandContext,
  defaults: { readonly type: string | undefined; readonly keyPrefix: string | undefined },
): AsyncGenerator<readonly JobLine[]> {
  const bytes = source === '-' ? context.stdin : createReadStream(path.resolve(context.cwd, source));
  const input = Readable.from(utf8Pieces(bytes, source === '-' ? 'Standard input' : source));
  let batch: JobLine[] = [];
  let batchBytes = 0;
  let number = 0;
  // If the file cannot be read, the loop throws the error. This listener is needed because the error would otherwise be
  // an unhandled event.
  const failed = new Promise<never>((_, reject) => input.once('error', reject));
  failed.catch(() => undefined);
  const lines = createInterface({ input, crlfDelay: Infinity })[Symbol.asyncIterator]();
  for (;;) {
    const next = await Promise.race([lines.next(), failed]);
    if (next.done === true) break;
    number += 1;
    if (next.value.trim() === '') continue;
    const line = jobOfLine(next.value, number, defaults);
    if (batch.length === maxJobsPerBatch || (batch.length > 0 && batchBytes + line.bytes > maxBatchBytes)) {
      yield batch;
      [batch, batchBytes] = [[], 0];
    }
    batch.push(line);
    batchBytes += line.bytes;
  }
  if (batch.length > 0) yield batch;
}

function jobOfLine(
  text: string,
  number: number,
  { type, keyPrefix }: { readonly type: string | undefined; readonly keyPrefix: string | undefined },
): JobLine {
  const { value, objection } = parseJson(number === 1 ? text.replace(/^\ufeff/, '') : text);
  if (objection !== undefined) throw wrongLine(number, `${objection.path} ${objection.message}`.trim());
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw wrongLine(number, 'must be a JSON object, such as {"type":"exec","payload":{}}');
  }
  const job = { ...(type === undefined ? {} : { type }), ...value };
  try {
    parseFields(createJobSchema, job);
  } catch (error) {
    throw isAppError(error) ? wrongLine(number, error.message, error) : error;
  }
  const given = job as CreateJob;
  const idempotencyKey = given.idempotencyKey ?? `${keyPrefix ?? digestOf(text)}:${String(number)}`;
  return { number, job: { ...given, idempotencyKey }, bytes: Buffer.byteLength(text) + 300 };
}

function digestOf(text: string): string {
  return `line:${createHash('sha256').update(text).digest('hex').slice(0, 40)}`;
}

/**
 * Returns an error of the server whose message names the line number. The message of the server names the index of the
 * job in the batch.
 */
export function atLine(error: unknown, batch: readonly JobLine[]): unknown {
  if (!isAppError(error)) return error;
  const index = /^items\.(\d+)/.exec(error.errors[0]?.path ?? '')?.[1];
  const line = index === undefined ? undefined : batch[Number(index)];
  if (line === undefined) return error;
  const message = error.message.replace(/^The request is not valid: /, '').replace(/items\.\d+[.:]? ?/, '');
  return new AppError(error.code, `Line ${String(line.number)}: ${message}`, { cause: error });
}

function wrongLine(number: number, message: string, cause?: AppError): AppError {
  const words = message.replace(/^The request is not valid: /, '');
  return new AppError('invalid_request', `Line ${String(number)} ${cause === undefined ? '' : 'is no job: '}${words}`, {
    cause,
  });
}
