import type { CredentialRecord } from '@proofhouse/core';
import type { Change } from '../../../kernel/commit.ts';

/** Number of entries at which the cache is cleared. */
const maxEntries = 10_000;

/**
 * Caches credentials by the hash of their secret, because every request reads one. May be used only if no other process
 * writes to the database. When any credential changes, the whole cache is cleared before the call that changed it
 * returns.
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
  // `raise` changes only one kind of counter: the epoch of a worker's registration tokens. Raising the epoch revokes
  // the older registration tokens of the worker.
  return change.kind === 'raise';
}
