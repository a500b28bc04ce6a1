import type { CredentialRecord } from '@proofhouse/core';
import type { Change } from '../../../kernel/commit.ts';

/** At this many entries the cache is cleared. */
const maxEntries = 10_000;

const changesCredentials: ReadonlySet<Change['kind']> = new Set([
  'add-credential',
  'update-credential',
  'revoke-registrations',
]);

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
    if (changes.some(({ kind }) => changesCredentials.has(kind))) this.clear();
  }

  clear(): void {
    this.#bySecret.clear();
  }
}
