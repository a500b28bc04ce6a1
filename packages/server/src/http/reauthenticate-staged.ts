import type { StagedBlob } from '@proofhouse/blobs';

/**
 * Checks the credential again after a body has arrived, which may have taken hours: a credential revoked meanwhile writes
 * nothing, and the staged bytes are discarded. Errors: `unauthenticated`, `forbidden`.
 */
export async function reauthenticateStaged(staged: StagedBlob, reauthenticate: () => Promise<void>): Promise<void> {
  try {
    await reauthenticate();
  } catch (error) {
    await staged.discard();
    throw error;
  }
}
