import type { Ids } from '../kernel/ids.ts';
import { adminTokenPrefix, sameHash, sha256Hex } from '../kernel/secret.ts';
import type { SettingStore } from '../kernel/setting-store.ts';

const settingName = 'admin_token_sha256';

/** The admin's credential: only its hash is kept. */
export class AdminToken {
  readonly #sha256: string;
  /** The raw token, only when this start made it: to be printed once. */
  readonly made: string | undefined;

  private constructor(sha256: string, made: string | undefined) {
    this.#sha256 = sha256;
    this.made = made;
  }

  /**
   * The configured token, which replaces a stored one; else the stored one; else a new one. Of several
   * servers that start at once on one database, one makes it.
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

  /** Whether this is the sha256 (lower-case hex) of the token. */
  matchesHash(secretSha256: string): boolean {
    return sameHash(secretSha256, this.#sha256);
  }
}
