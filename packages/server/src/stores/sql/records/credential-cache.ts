import type { CredentialRecord } from '@proofhouse/core';
import type { Change } from '../../../kernel/commit.ts';

/** At this many entries the cache is cleared. */
const maxEntries = 10_000;

/**
 * Credentials by the hash of their secret, for an engine that is the sole writer of its database: every request needs
 * one. The whole cache is cleared when any credential changes, before the call that changed it returns.
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
  // The one counter is the epoch of a worker, by which its registration tokens are refused.
  return change.kind === 'raise';
}
