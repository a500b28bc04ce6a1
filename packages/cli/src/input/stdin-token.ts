import { AppError } from '@proofhouse/core';
import type { CommandContext } from '../command-context.ts';
import { utf8Text } from './utf8-text.ts';

/** Longest accepted input in bytes. Tokens are much shorter. */
const mostBytes = 4096;

/** Reads a token from standard input, so that it is in no list of processes and no history of a shell. */
export async function tokenFromStdin({ stdin }: CommandContext): Promise<string> {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  for await (const piece of stdin) {
    pieces.push(piece as Buffer);
    sizeBytes += (piece as Buffer).length;
    if (sizeBytes > mostBytes) throw new AppError('invalid_request', 'Standard input is too long for a token.');
  }
  const token = utf8Text(Buffer.concat(pieces), 'The token').trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new AppError('invalid_request', 'Give one token on standard input, for example from a password manager.');
}
