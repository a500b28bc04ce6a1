import type { StagedBlob } from '@proofhouse/blobs';

/**
 * Asks for the credential once more when a body has come whole, which may have taken hours: what was revoked meanwhile
 * writes nothing. The bytes that were taken aside are dropped then. Errors: `unauthenticated`, `forbidden`.
 */
export async function requireAdmittedStill(staged: StagedBlob, reauthenticate: () => Promise<void>): Promise<void> {
  try {
    await reauthenticate();
  } catch (error) {
    await staged.discard();
    throw error;
  }
}
