import type { StagedBlob } from '@proofhouse/blobs';

/**
 * Checks the credential of an upload again after its body has arrived, because the transfer may have taken hours. When the
 * credential was revoked meanwhile, the staged bytes are discarded. Errors: `unauthenticated`, `forbidden`.
 */
export async function reauthenticateStaged(staged: StagedBlob, reauthenticate: () => Promise<void>): Promise<void> {
  try {
    await reauthenticate();
  } catch (error) {
    await staged.discard();
    throw error;
  }
}
