import { AppError, operations, type OperationId } from '@proofhouse/core';
import type { CallOutput } from './call.ts';
import { boundedText } from './bounded-text.ts';
import { placeOf } from './transport.ts';

/**
 * Largest JSON answer in bytes. The largest answer of a server has 26 MiB: a claim of 100 jobs with the largest
 * payloads.
 */
const maxAnswerBytes = 64 * 1024 * 1024;

export async function readJson<Id extends OperationId>(
  id: Id,
  response: Response,
  url: string,
): Promise<CallOutput<Id>> {
  const { text, whole } = await boundedText(response, maxAnswerBytes);
  if (!whole) throw strangeServer(url, ` (an answer larger than ${maxAnswerBytes / 1024 / 1024} MiB)`);
  return parseAnswer(id, text, url);
}

/**
 * Parses JSON with the output schema of the operation. The JSON is an answer, or one event of a stream. Throws
 * `unsupported` if it does not match the schema.
 */
export function parseAnswer<Id extends OperationId>(id: Id, text: string, url: string): CallOutput<Id> {
  const parsed = operations[id].output.safeParse(jsonOf(text));
  if (parsed.success) return parsed.data as CallOutput<Id>;
  const problem = parsed.error.issues[0];
  const where =
    problem === undefined || problem.path.length === 0 ? '' : ` (${problem.path.join('.')}: ${problem.message})`;
  throw strangeServer(url, where);
}

export function strangeServer(url: string, where = ''): AppError {
  return new AppError(
    'unsupported',
    `${placeOf(url)} does not answer as a Proofhouse server of this version does${where}. Check the URL and the versions.`,
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
