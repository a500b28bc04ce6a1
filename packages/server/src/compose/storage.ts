import { Blobs, openBlobBackend, type BlobBackend } from '@proofhouse/blobs';
import { AppError } from '@proofhouse/core';
import { claimViewRoot } from '../artifacts/view-root.ts';
import type { Config } from '../config/config.ts';
import type { Health } from '../http/routes/health.ts';
import { Ids, pooledRandomBytes, type RandomBytes } from '../kernel/ids.ts';
import { inBatches } from '../kernel/in-batches.ts';
import type { Logger } from '../kernel/logger.ts';
import { ClockWatch, mostSkewMs } from '../kernel/time/clock-watch.ts';
import { systemClock, type Clock } from '../kernel/time/clock.ts';
import { storeClock } from '../kernel/time/store-time.ts';
import { claimStore, StoreGuard } from '../retention/store-identity.ts';
import type { MetadataStore } from '../stores/metadata-store.ts';
import { openMetadataStore } from '../stores/open-metadata-store.ts';
import type { BackgroundTask } from './area.ts';

/** The opened database and blobs, which belong together, and the clock and ids that use this store. */
export interface Storage {
  readonly store: MetadataStore;
  readonly blobBackend: BlobBackend;
  readonly blobs: Blobs;
  readonly guard: StoreGuard;
  /** The clock of the store, see `storeClock`. On Postgres its wall clock is the database's time. */
  readonly clock: Clock;
  readonly clocks: ClockWatch;
  readonly ids: Ids;
  readonly random: RandomBytes;
}

interface StorageOptions {
  readonly logger: Logger;
  /** Replaces the clocks of this process and of the database, for tests. */
  readonly clock: Clock | undefined;
  readonly random: RandomBytes | undefined;
}

/** Interval in ms at which the clock of this machine is compared with the database's. */
const compareClocksEveryMs = 60_000;

const cleanEveryMs = 2000;
/**
 * Limits of one run of a task that deletes expired rows: at most 100 transactions of at most 500 rows. Each transaction
 * is so short that it does not delay other writers.
 */
const cleaning = { batch: 500, most: 100 };

/**
 * Opens the blobs and then the database, which acquires its locks and migrates its schema. Then compares the clocks,
 * and checks that the blobs belong to the database. If a step fails, everything that was opened is closed. Errors:
 * `unavailable`, and those of the stores.
 */
export async function openStorage(config: Config, options: StorageOptions): Promise<Storage> {
  const processClock = options.clock ?? systemClock;
  const { logger } = options;
  const clocks = new ClockWatch({ clock: processClock, logger });
  const blobBackend = await openBlobBackend(config.blobUrl, { allowMemory: config.mode !== 'production' });
  try {
    const store = await openMetadataStore(config.databaseUrl, {
      onNotice: (notice) => {
        logger.error(notice);
      },
      onProgress: (text) => {
        logger.info(`updating the database: ${text}`);
      },
      clock: processClock,
      fixedTime: options.clock !== undefined,
      onClockJump: (ms) => {
        clocks.storeJumped(ms);
      },
    });
    try {
      clocks.watch({
        time: () => store.time().now,
        databaseNow: store.kind === 'postgres' ? () => store.now() : undefined,
      });
      if (options.clock === undefined) await requireSameTime(clocks);
      const clock = storeClock(processClock, store);
      const random = options.random ?? pooledRandomBytes();
      const opened = { store, blobBackend, clock, clocks, random, ids: new Ids(clock, random) };
      return { ...opened, ...(await claimBlobs(config, opened)) };
    } catch (error) {
      await store.close();
      throw error;
    }
  } catch (error) {
    await blobBackend.close();
    throw error;
  }
}

/** Checks that the blobs belong to the database, and marks the root folder of the job view as owned by this store. */
async function claimBlobs(
  config: Config,
  { store, blobBackend, clock, ids }: Pick<Storage, 'store' | 'blobBackend' | 'clock' | 'ids'>,
): Promise<Pick<Storage, 'blobs' | 'guard'>> {
  const blobs = new Blobs({ backend: blobBackend, newKey: () => ids.blobKey() });
  const both = { settings: store.settings, owners: store.blobOwners, blobs, databaseLasts: store.durable };
  const guard = new StoreGuard(both, await claimStore(both, { id: ids.uuid(), since: clock.now() }));
  if (blobs.supports.localFiles) {
    await claimViewRoot(config.jobViewRoot, store.durable ? guard.identity.id : undefined, ids);
  }
  return { blobs, guard };
}

/**
 * Throws `unavailable` if the clock of this machine and the clock of the database differ by more than 2 s. Leases do
 * not depend on the difference, but dates that people see do. The check takes place at the start, when an operator can
 * still set the clocks.
 */
async function requireSameTime(clocks: ClockWatch): Promise<void> {
  await clocks.look();
  const skew = Math.abs(clocks.report.skewMs ?? 0);
  if (skew <= mostSkewMs) return;
  throw new AppError(
    'unavailable',
    `The clocks of this machine and of the database differ by ${String(Math.round(skew / 1000))} s; at most 2 s are accepted at a start: set them by NTP.`,
  );
}

/**
 * Returns the readiness checks. They succeed if durable writes to the database and to the blob backend succeed, and if
 * both belong to this store.
 */
export function storageChecks({ store, guard, blobs }: Storage): Health['checks'] {
  return {
    database: async () => {
      await store.ping();
      await guard.requireSameDatabase();
    },
    blobs: async () => {
      await guard.requireSameBlobs();
      await blobs.probe();
    },
  };
}

/** Returns the background tasks that compare the clocks and delete expired rows. */
export function storageTasks({
  clock,
  clocks,
  store,
  stopping,
}: Storage & { readonly stopping: AbortSignal }): BackgroundTask[] {
  const options = { ...cleaning, stopped: () => stopping.aborted };
  return [
    { everyMs: compareClocksEveryMs, run: () => clocks.look() },
    ...store.cleaners.map((cleaner) => ({
      everyMs: cleanEveryMs,
      run: () => inBatches(options, (limit) => cleaner.clean(clock.now(), limit)),
    })),
  ];
}
