import { AppError } from '@proofhouse/core';
import type { ProofhouseClient } from '@proofhouse/client';

/** Returns the id of the user that a command is about: the given one, or the caller. Errors: `bad_request`. */
export async function userOf(client: ProofhouseClient, given: string | undefined): Promise<string> {
  if (given !== undefined) return given;
  const { kind, id } = await client.call('identify', {});
  if (kind === 'user') return id;
  throw new AppError('bad_request', 'This token is not that of a user: say which user.\n  Next: proofhouse user list');
}
