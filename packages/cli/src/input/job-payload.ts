import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { AppError, parseJson } from '@proofhouse/core';
import type { CommandContext } from '../command-context.ts';
import { utf8Text } from './utf8-text.ts';

/** Returns the payload of a job. `given` is JSON, or `@file` for a file with JSON, or `-` for JSON on standard input. */
export async function readPayload(given: string, context: CommandContext): Promise<Record<string, unknown>> {
  const source = given === '-' ? 'standard input' : given.startsWith('@') ? given.slice(1) : 'the payload';
  const json = await payloadText(given, context);
  const { value, objection } = parseJson(json);
  if (objection !== undefined) {
    const where = objection.path === '' ? source : `${source}: ${objection.path}`;
    throw wrongPayload(`${where} ${objection.message}.`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw wrongPayload(`${source} must be a JSON object, such as {"branch":"main"}.`);
}

async function payloadText(given: string, context: CommandContext): Promise<string> {
  if (given === '-') return utf8Text(await buffer(context.stdin), 'standard input');
  if (!given.startsWith('@')) return given;
  const file = given.slice(1);
  return utf8Text(await readFile(path.resolve(context.cwd, file)), file);
}

function wrongPayload(message: string): AppError {
  return new AppError('invalid_request', message, { errors: [{ path: 'payload', message: 'must be a JSON object' }] });
}
