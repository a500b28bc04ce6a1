import type { Ids } from '../kernel/ids.ts';
import { adminTokenPrefix, sameHash, sha256Hex } from '../kernel/secret.ts';
import type { SettingStore } from '../kernel/setting-store.ts';

const settingName = 'admin_token_sha256';

/** The token of the admin. Only its hash is stored. */
export class AdminToken {
  readonly #sha256: string;
  /**
   * The token, if this start of the server created it, else undefined. The caller must print it, because it cannot be
   * read later.
   */
  readonly made: string | undefined;

  private constructor(sha256: string, made: string | undefined) {
    this.#sha256 = sha256;
    this.made = made;
  }

  /**
   * Loads the admin token. If the configuration has a token, it is used and replaces the stored one. Otherwise the
   * stored token is used. If there is none, a new token is created. If several servers start at the same time on one
   * database, only one of them creates the token.
   */
  static async load(settings: SettingStore, ids: Ids, configured: string | undefined): Promise<AdminToken> {
    if (configured !== undefined) {
      const hash = sha256Hex(configured);
      await settings.put(settingName, hash);
      return new AdminToken(hash, undefined);
    }
    const stored = await settings.get(settingName);
    if (stored !== undefined) return new AdminToken(stored, undefined);
    const token = ids.secret(adminTokenPrefix);
    const hash = sha256Hex(token);
    const kept = await settings.putIfAbsent(settingName, hash);
    return new AdminToken(kept, kept === hash ? token : undefined);
  }

  /** Identifies the token. It is not secret, because the hash of the token cannot be derived from it. */
  get key(): string {
    return sha256Hex(`key of ${this.#sha256}`);
  }

  /** Returns true if this is the sha256 (lower-case hex) of the token. */
  matchesHash(secretSha256: string): boolean {
    return sameHash(secretSha256, this.#sha256);
  }
}
