import type { CredentialRecord } from '@proofhouse/core';
import type { Change, RecordKind } from '../../../kernel/commit.ts';
import type { FoundSession, TokenOfUser } from '../../../users/user-store.ts';

/** Number of entries at which the cache is cleared. */
const maxEntries = 10_000;

/** The kinds of credentials. Each has the type of the result of its look-up. */
export interface Cached {
  worker: CredentialRecord;
  user: TokenOfUser;
  session: FoundSession;
}

/**
 * Caches credentials by the hash of their secret, because every request reads one. May be used only if no other process
 * writes to the database. If a record changes that decides whether a credential is valid, the whole cache is cleared
 * before the call that changed it returns.
 */
export class CredentialCache {
  readonly #kept = new Map<string, Cached[keyof Cached]>();
  /** The number of times that the cache was cleared. */
  #cleared = 0;

  /**
   * Returns the cached result for these hashes, or else the result of `read`. If the cache was cleared while `read`
   * ran, the result is not cached, because it may be outdated. An unknown credential is never cached.
   */
  async find<Kind extends keyof Cached>(
    kind: Kind,
    hashes: readonly string[],
    read: () => Promise<Cached[Kind] | undefined>,
  ): Promise<Cached[Kind] | undefined> {
    const key = [kind, ...hashes].join(' ');
    const kept = this.#kept.get(key) as Cached[Kind] | undefined;
    if (kept !== undefined) return kept;
    const before = this.#cleared;
    const found = await read();
    if (found === undefined || before !== this.#cleared) return found;
    if (this.#kept.size === maxEntries) this.clear();
    this.#kept.set(key, found);
    return found;
  }

  committed(changes: readonly Change[]): void {
    if (changes.some(changesCredentials)) this.clear();
  }

  clear(): void {
    this.#kept.clear();
    this.#cleared += 1;
  }
}

const credentialKinds: readonly RecordKind[] = ['credential', 'user', 'user-token', 'session'];

function changesCredentials(change: Change): boolean {
  if (change.kind === 'insert' || change.kind === 'update') return credentialKinds.includes(change.record);
  // The only counter that `raise` can change is the registration epoch of a worker. Raising it revokes the registration
  // tokens of the worker.
  return change.kind === 'raise';
}
