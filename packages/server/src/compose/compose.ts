import type { BlobBackend, Blobs } from '@proofhouse/blobs';
import type { FastifyInstance } from 'fastify';
import { AuditedCommits } from '../audit/audit-log.ts';
import { auditedHandlers } from '../http/audited-handlers.ts';
import type { Artifacts } from '../artifacts/artifacts.ts';
import type { Deposits } from '../artifacts/deposits.ts';
import type { JobUploads } from '../artifacts/job-uploads.ts';
import type { Config } from '../config/config.ts';
import { requireApart } from '../config/require-apart.ts';
import type { Experiments } from '../experiments/experiments.ts';
import type { Groups } from '../experiments/groups.ts';
import type { StorageParts } from '../http/routes/storage.ts';
import { JobHints } from '../jobs/job-hints.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { RandomBytes } from '../kernel/ids.ts';
import { Load } from '../kernel/load.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Clock } from '../kernel/time/clock.ts';
import { repeat } from '../kernel/time/repeat.ts';
import { keepPrivate } from '../maintenance/private-places.ts';
import { PrometheusMeter } from '../metrics/prometheus-meter.ts';
import type { MetadataStore } from '../stores/metadata-store.ts';
import type { SignIn } from '../users/sign-in.ts';
import type { Users } from '../users/users.ts';
import { houseSecrets } from '../kernel/house-secrets.ts';
import { SecretPolicy } from '../secrets/secret-policy.ts';
import { SecretThreads } from '../secrets/secret-threads.ts';
import { AdminToken } from '../workers/admin-token.ts';
import type { Workers } from '../workers/workers.ts';
import { composeAccess } from './access.ts';
import type { BackgroundTask } from './area.ts';
import { composeAudit } from './audit.ts';
import { composeArtifacts, composeJobView } from './artifacts.ts';
import { composeHttpServer } from './http-server.ts';
import { composeQueue } from './queue.ts';
import { composeRetention } from './retention.ts';
import { serverUrl } from './server-url.ts';
import type { SharedServices } from './shared-services.ts';
import { openStorage, storageTasks, type Storage } from './storage.ts';

/** The parts that tests may replace. All other parts are created from the configuration. */
export interface Surroundings {
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly random?: RandomBytes;
  /** Path of the script of the threads that scan for secrets. */
  readonly secretScript?: string;
}

/** The whole server. It is constructed, but does not listen yet. */
export interface Server {
  readonly app: FastifyInstance;
  readonly config: Config;
  readonly store: MetadataStore;
  readonly blobBackend: BlobBackend;
  readonly blobs: Blobs;
  readonly jobs: Jobs;
  readonly artifacts: Artifacts;
  readonly jobUploads: JobUploads;
  readonly deposits: Deposits;
  readonly storage: StorageParts;
  readonly workers: Workers;
  readonly users: Users;
  readonly experiments: Experiments;
  readonly groups: Groups;
  readonly adminToken: AdminToken;
  readonly signIn: SignIn;
  /** Stops the server in the order that `compose` documents. */
  close(): Promise<void>;
}

/**
 * Constructs the server. Only this folder constructs services. Each other file constructs one area, and this file
 * defines the order.
 *
 * Order of a start:
 * 1. The data folder is made private. Blob folder and job view must not overlap.
 * 2. The blobs and the database are opened, and clocks and store identity are checked (`storage.ts`).
 * 3. The admin token is loaded, and the channel of hints between servers starts.
 * 4. The areas (queue, access, retention, artifacts) are constructed, without I/O.
 * 5. The HTTP server is constructed, which does not listen yet, and the background tasks start.
 * 6. Usage is counted for the first time, so that a quota applies from the first request.
 * If a step fails, everything that the earlier steps opened is closed.
 *
 * Order of a stop:
 * 1. Long polls end. Event streams and batches of background tasks are aborted, and the background tasks end.
 * 2. The HTTP server closes when its requests have ended.
 * 3. The threads that scan for secrets end. The last times at which workers were seen are written. The database closes,
 *    then the blobs.
 *
 * A new feature belongs to the file of its area. A new area is a file in this folder, and must be constructed and
 * listed in `assemble`. Errors: `AppError` with one clear sentence.
 */
export async function compose(config: Config, surroundings: Surroundings): Promise<Server> {
  const { logger, clock, random, secretScript } = surroundings;
  keepPrivate(config, logger);
  await requireApart(config);
  const storage = await openStorage(config, { logger, clock, random });
  try {
    const adminToken = await AdminToken.load(storage.store.settings, storage.ids, config.adminToken);
    const hints = new JobHints({
      clock: storage.clock,
      serverId: storage.ids.token(16),
      channel: storage.store.hintChannel,
    });
    await hints.start();
    const confirmed = config.secretPolicy === 'reject';
    const secretThreads = new SecretThreads({ clock: storage.clock, confirmed, script: secretScript });
    const server = assemble({ config, logger, storage, adminToken, hints, secretThreads });
    // This is the first count of the stored bytes. If it fails, the background task counts again a minute later.
    await server.storage.usage.sample().catch((error: unknown) => {
      logger.error({ err: error }, 'what is stored could not be counted');
    });
    return server;
  } catch (error) {
    await closeStorage(storage);
    throw error;
  }
}

interface Started {
  readonly config: Config;
  readonly logger: Logger;
  readonly storage: Storage;
  readonly adminToken: AdminToken;
  readonly hints: JobHints;
  readonly secretThreads: SecretThreads;
}

function assemble({ config, logger, storage, adminToken, hints, secretThreads }: Started): Server {
  const stopping = new AbortController();
  const meter = new PrometheusMeter({ processMetrics: true, jobTypes: config.jobTypes });
  const shared: SharedServices = {
    ...storage,
    secrets: new SecretPolicy({ policy: config.secretPolicy, set: houseSecrets(), threads: secretThreads, logger }),
    config,
    logger,
    meter,
    load: new Load(config.loadLimits),
    commits: new AuditedCommits(storage.store),
    adminToken,
    hints,
    stopping: stopping.signal,
    baseUrl: () => serverUrl(config, app),
  };
  const jobView = composeJobView(shared);
  const queue = composeQueue(shared);
  const access = composeAccess(shared, queue.services);
  const audit = composeAudit(shared);
  const retention = composeRetention(shared, jobView);
  const { jobs, presence } = queue.services;
  const { usage } = retention.services.storage;
  const artifacts = composeArtifacts(shared, { jobs, access: access.services, usage, jobView });
  const handlers = {
    ...queue.handlers,
    ...access.handlers,
    ...audit.handlers,
    ...retention.handlers,
    ...artifacts.handlers,
  };
  const app: FastifyInstance = composeHttpServer(shared, {
    handlers: auditedHandlers(handlers, audit.services.auditLog),
    jobs,
    access: access.services,
    artifacts: artifacts.services,
  });
  const background = [queue, access, retention, artifacts].flatMap((area) => area.background);
  const stopBackground = startBackground(shared, [...storageTasks(shared), ...background]);
  const { store, blobBackend, blobs } = storage;
  return {
    ...{ app, config, store, blobBackend, blobs, adminToken },
    ...queue.services,
    ...access.services,
    ...retention.services,
    ...artifacts.services,
    close: async () => {
      jobs.stopWaiting();
      stopping.abort();
      await stopBackground();
      await app.close();
      await secretThreads.close();
      await presence.flush().catch((error: unknown) => {
        logger.warn({ err: error }, 'the last sightings of workers were not written');
      });
      await closeStorage(storage);
    },
  };
}

async function closeStorage({ store, blobBackend }: Storage): Promise<void> {
  await store.close();
  await blobBackend.close();
}

/** Starts the background tasks. Returns a function that stops them and resolves when the running tasks have ended. */
function startBackground(
  { clock, logger }: Pick<SharedServices, 'clock' | 'logger'>,
  tasks: readonly BackgroundTask[],
): () => Promise<void> {
  const stops = tasks.map(({ everyMs, run }) => repeat(clock, everyMs, logger, run));
  return async () => {
    await Promise.all(stops.map((stop) => stop()));
  };
}
