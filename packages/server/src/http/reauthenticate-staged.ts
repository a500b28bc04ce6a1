import type { StagedBlob } from '@proofhouse/blobs';

/**
 * Checks the credential of an upload again after the body has arrived, because the transfer may have taken hours. If
 * the credential was revoked meanwhile, discards the staged bytes and throws. Errors: `unauthenticated`, `forbidden`.
 */
export async function reauthenticateStaged(staged: StagedBlob, reauthenticate: () => Promise<void>): Promise<void> {
  try {
    await reauthenticate();
  } catch (error) {
    await staged.discard();
    throw error;
  }
}
