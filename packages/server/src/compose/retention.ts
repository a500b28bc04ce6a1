import type { JobView } from '../artifacts/job-view.ts';
import { storageHandlers, type StorageParts } from '../http/routes/storage.ts';
import { Collection } from '../retention/collection.ts';
import { sampleUsageEveryMs, Usage } from '../retention/usage.ts';
import { Verification } from '../retention/verification.ts';
import type { Area } from './area.ts';
import type { SharedServices } from './shared-services.ts';

/** Constructs the services for stored bytes: collection, verification, usage and quota. */
export function composeRetention(shared: SharedServices, jobView: JobView) {
  const storage: StorageParts = {
    collection: collectionOf(shared, jobView),
    verification: verificationOf(shared, jobView),
    usage: usageOf(shared),
  };
  const { collectEveryMs } = shared.config;
  const collect = (): Promise<unknown> => storage.collection.runUnasked(shared.stopping);
  const handlers = storageHandlers(storage);
  return {
    services: { storage },
    handlers,
    background: [
      { everyMs: sampleUsageEveryMs, run: () => storage.usage.sample() },
      ...(collectEveryMs === 0 ? [] : [{ everyMs: collectEveryMs, run: collect }]),
    ],
  } satisfies Area<{ readonly storage: StorageParts }, typeof handlers>;
}

function collectionOf(
  { config, clock, logger, store, commits, blobs, guard }: SharedServices,
  jobView: JobView,
): Collection {
  return new Collection({
    store: store.artifacts,
    owners: store.blobOwners,
    commits,
    blobs,
    jobView,
    findJob: (jobId) => store.jobs.find(jobId),
    clock,
    logger,
    graceMs: config.collectGraceMs,
    policy: config.retention,
    requireSame: () => guard.requireSame(),
    databaseLasts: store.durable || !blobs.supports.durable,
    since: guard.identity.since,
  });
}

function verificationOf({ config, ids, store, blobs }: SharedServices, jobView: JobView): Verification {
  return new Verification({
    store: store.artifacts,
    owners: store.blobOwners,
    blobs,
    jobView,
    ids,
    graceMs: config.collectGraceMs,
    viewRoot: blobs.supports.localFiles ? config.jobViewRoot : undefined,
  });
}

function usageOf({ config, clock, logger, store, meter }: SharedServices): Usage {
  const { storageQuotaBytes: quotaBytes, storageWarnPercent: warnPercent } = config;
  if (quotaBytes !== undefined) meter.storageQuota(quotaBytes);
  return new Usage({
    owners: store.blobOwners,
    clock,
    logger,
    quotaBytes,
    warnPercent,
    onSample: ({ byType }) => {
      meter.storage(byType);
    },
  });
}
