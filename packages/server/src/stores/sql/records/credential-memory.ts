import type { CredentialRecord } from '@proofhouse/core';
import type { Change } from '../../../kernel/commit.ts';

/** Credentials remembered at most; with one more they are all forgotten. */
const most = 10_000;

const changesCredentials: ReadonlySet<Change['kind']> = new Set([
  'add-credential',
  'update-credential',
  'revoke-registrations',
]);

/**
 * Credentials that were read, by the hash of their secret, for an engine whose database nobody else writes to: every request asks
 * for one. All are forgotten as soon as any is changed, before whoever changed it is answered.
 */
export class CredentialMemory {
  readonly #bySecret = new Map<string, CredentialRecord>();

  find(secretSha256: string): CredentialRecord | undefined {
    return this.#bySecret.get(secretSha256);
  }

  keep(credential: CredentialRecord): void {
    if (this.#bySecret.size === most) this.forget();
    this.#bySecret.set(credential.secretSha256, credential);
  }

  committed(changes: readonly Change[]): void {
    if (changes.some(({ kind }) => changesCredentials.has(kind))) this.forget();
  }

  forget(): void {
    this.#bySecret.clear();
  }
}
