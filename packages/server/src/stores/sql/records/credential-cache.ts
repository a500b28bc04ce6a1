import type { CredentialRecord } from '@proofhouse/core';
import type { Change } from '../../../kernel/commit.ts';

/** Number of entries at which the cache is cleared. */
const maxEntries = 10_000;

/**
 * Caches credentials by the hash of their secret, because every request reads one. Allowed only for an engine that is
 * the sole writer of its database. The whole cache is cleared when any credential changes, before the call that changed
 * the credential returns.
 */
export class CredentialCache {
  readonly #bySecret = new Map<string, CredentialRecord>();

  find(secretSha256: string): CredentialRecord | undefined {
    return this.#bySecret.get(secretSha256);
  }

  keep(credential: CredentialRecord): void {
    if (this.#bySecret.size === maxEntries) this.clear();
    this.#bySecret.set(credential.secretSha256, credential);
  }

  committed(changes: readonly Change[]): void {
    if (changes.some(changesCredentials)) this.clear();
  }

  clear(): void {
    this.#bySecret.clear();
  }
}

function changesCredentials(change: Change): boolean {
  if (change.kind === 'insert' || change.kind === 'update') return change.record === 'credential';
  // The only counter that `raise` can change is the registration epoch of a worker. Raising it revokes the registration
  // tokens of the worker.
  return change.kind === 'raise';
}
