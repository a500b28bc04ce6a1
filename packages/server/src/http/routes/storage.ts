import type { JsonHandlers } from '../../calls/operation-call.ts';
import type { Collection } from '../../retention/collection.ts';
import type { Usage } from '../../retention/usage.ts';
import type { Verification } from '../../retention/verification.ts';

export interface StorageParts {
  readonly collection: Collection;
  readonly verification: Verification;
  readonly usage: Usage;
}

type StorageOperations = 'storageUsage' | 'collectStorage' | 'verifyStorage';

/** Returns the handlers that report usage, collect expired bytes and orphans, and verify stored bytes. */
export function storageHandlers({
  collection,
  verification,
  usage,
}: StorageParts): Pick<JsonHandlers, StorageOperations> {
  return {
    storageUsage: async () => {
      const { sampledAt, artifacts, bytes, byType } = await usage.latest();
      const limits = { quotaBytes: usage.quotaBytes ?? null, warnAtBytes: usage.warnAtBytes ?? null };
      return { body: { sampledAt: timeText(sampledAt), artifacts, bytes, byType: [...byType], ...limits } };
    },
    collectStorage: async ({ body }) => {
      const { items, refusal, skipped, nextCursor } = await collection.slice(body);
      // The usage must be counted again now. Otherwise the removed bytes would count against the quota until the next
      // periodic count.
      if (nextCursor === null && !body.dryRun) await usage.sample();
      const told = items.map((item) => ({ ...item, createdAt: timeText(item.createdAt) }));
      return { body: { items: told, refusal, skipped: [...skipped], nextCursor } };
    },
    verifyStorage: async ({ body }) => {
      const { findings, ...rest } = await verification.slice(body);
      return { body: { ...rest, findings: [...findings] } };
    },
  };
}

function timeText(at: number): string {
  return new Date(at).toISOString();
}
