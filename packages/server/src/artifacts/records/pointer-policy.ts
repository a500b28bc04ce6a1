import {
  judgeStorageUri,
  pointerViolations,
  requireJudged,
  requireProvider,
  storagePolicyError,
  type JudgedUri,
  type LocalFiles,
  type PointerContent,
  type RegisterArtifact,
  type StorageProvider,
} from '@proofhouse/core';
import type { SecretPolicy } from '../../secrets/secret-policy.ts';
import type { StoredContent } from '../new-artifact.ts';

export interface PointerPolicyParts {
  readonly localFiles: LocalFiles;
  /** Returns true if the server stores its own bytes at this URI. */
  readonly isOwnStorage: (uri: string, provider: StorageProvider) => boolean;
  readonly secrets: Pick<SecretPolicy, 'requireUrl'>;
}

/** Applies the storage policy to the URIs of pointers, with the rules that depend on this server and its settings. */
export class PointerPolicy {
  readonly #parts: PointerPolicyParts;

  constructor(parts: PointerPolicyParts) {
    this.#parts = parts;
  }

  /** Returns the judgement of a storage URI. Errors: `storage_policy` (it contains a secret), `unavailable`. */
  async judge(uri: string): Promise<JudgedUri> {
    const judged = judgeStorageUri(uri, this.#parts.localFiles);
    if (judged.objection !== undefined) return judged;
    if (this.#parts.isOwnStorage(judged.uri, judged.provider)) {
      return { objection: 'is a place in which this server stores its own bytes: upload the content instead' };
    }
    await this.#parts.secrets.requireUrl('storageUri', judged.uri);
    return judged;
  }

  /** Returns the content of a registration. Errors: `storage_policy`, `unavailable`. */
  async contentOf(body: RegisterArtifact): Promise<StoredContent<PointerContent>> {
    const { uri, provider } = requireJudged(await this.judge(body.storageUri));
    requireProvider(provider, body.storageProvider);
    const content = {
      kind: 'pointer',
      uri,
      checksum: body.checksum ?? null,
      sizeBytes: body.sizeBytes ?? null,
    } as const;
    const dataClass = body.dataClass ?? 'internal';
    const violations = pointerViolations({ type: body.type, dataClass, storageProvider: provider, content });
    if (violations.length > 0) throw storagePolicyError(violations);
    return { content, storageProvider: provider };
  }
}
