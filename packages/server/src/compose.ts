import { openBlobBackend, Blobs, type BlobBackend } from '@proofhouse/blobs';
import { AppError } from '@proofhouse/core';
import type { FastifyInstance } from 'fastify';
import { artifactAcl } from './artifacts/artifact-access.ts';
import { ArtifactIntake } from './artifacts/artifact-intake.ts';
import { Artifacts } from './artifacts/artifacts.ts';
import { Excerpts } from './artifacts/excerpts.ts';
import { Deposits } from './artifacts/deposits.ts';
import { FolderJobView, noJobView, type JobView } from './artifacts/job-view.ts';
import { Staging } from './artifacts/staging.ts';
import { claimViewRoot } from './artifacts/view-root.ts';
import type { Config } from './config/config.ts';
import { descriptorLimits, mostConnections } from './config/most-connections.ts';
import { Experiments } from './experiments/experiments.ts';
import { Groups } from './experiments/groups.ts';
import { knownReader } from './experiments/known-reader.ts';
import { buildApp } from './http/app.ts';
import type { Credential } from './calls/credential.ts';
import type { Handlers } from './http/operation-route.ts';
import { pacedLists } from './http/paced-lists.ts';
import { artifactHandlers } from './http/routes/artifacts.ts';
import { artifactRecordHandlers } from './http/routes/artifact-records.ts';
import { jobEventHandlers } from './http/routes/job-events.ts';
import { jobHandlers } from './http/routes/jobs.ts';
import { v0ArtifactHandlers } from './http/v0/v0-artifacts.ts';
import { v0WorkerHandlers } from './http/v0/v0-workers.ts';
import { sessionHandlers } from './http/routes/session.ts';
import { ticketHandlers } from './http/routes/tickets.ts';
import { storageHandlers, type StorageParts } from './http/routes/storage.ts';
import { workerHandlers } from './http/routes/workers.ts';
import { JobHints } from './jobs/job-hints.ts';
import { JobLog } from './jobs/job-log.ts';
import { Jobs, sweepEveryMs } from './jobs/jobs.ts';
import { ClockWatch, mostSkewMs } from './kernel/time/clock-watch.ts';
import { systemClock, type Clock } from './kernel/time/clock.ts';
import { Ids, pooledRandomBytes, type RandomBytes } from './kernel/ids.ts';
import { Load } from './kernel/load.ts';
import { storeClock } from './kernel/time/store-time.ts';
import type { Logger } from './kernel/logger.ts';
import { inBatches } from './kernel/in-batches.ts';
import { repeat } from './kernel/time/repeat.ts';
import { mostCounted, PrometheusMeter, sampleDepthsEveryMs } from './metrics/prometheus-meter.ts';
import { requireApart } from './config/require-apart.ts';
import { addMcpRoutes } from './mcp/mcp-routes.ts';
import { Collection } from './retention/collection.ts';
import { claimStore, StoreGuard } from './retention/store-identity.ts';
import { sampleUsageEveryMs, Usage } from './retention/usage.ts';
import { Verification } from './retention/verification.ts';
import { keepPrivate } from './private-places.ts';
import { serverUrl } from './server-url.ts';
import type { MetadataStore } from './stores/metadata-store.ts';
import { openMetadataStore } from './stores/open-metadata-store.ts';
import { SignIn } from './users/sign-in.ts';
import { Tickets } from './users/tickets.ts';
import { flushEveryMs, Presence } from './workers/presence.ts';
import { AdminToken } from './workers/admin-token.ts';
import { Workers } from './workers/workers.ts';

/** What tests replace: everything else is made from the configuration. */
export interface Surroundings {
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly random?: RandomBytes;
}

/** The whole server, constructed and not yet listening. */
export interface Server {
  readonly app: FastifyInstance;
  readonly config: Config;
  readonly store: MetadataStore;
  readonly blobBackend: BlobBackend;
  readonly blobs: Blobs;
  readonly jobs: Jobs;
  readonly artifacts: Artifacts;
  readonly deposits: Deposits;
  readonly storage: StorageParts;
  readonly workers: Workers;
  readonly experiments: Experiments;
  readonly groups: Groups;
  readonly adminToken: AdminToken;
  readonly signIn: SignIn;
  /** Stops background work, then the door, then the stores, in that order. */
  close(): Promise<void>;
}

/** How often this machine's clock is compared with the database's. */
const compareClocksEveryMs = 60_000;

/** The only place that constructs everything. Throws `AppError` with one clear sentence. */
export async function compose(config: Config, surroundings: Surroundings): Promise<Server> {
  const processClock = surroundings.clock ?? systemClock;
  const { logger } = surroundings;
  const clocks = new ClockWatch({ clock: processClock, logger });
  keepPrivate(config, logger);
  await requireApart(config);
  const blobBackend = await openBlobBackend(config.blobUrl, { allowMemory: config.mode !== 'production' });
  const onNotice = (notice: string): void => {
    logger.error(notice);
  };
  const store = await openMetadataStore(config.databaseUrl, {
    onNotice,
    clock: processClock,
    fixedTime: surroundings.clock !== undefined,
    onClockJump: (ms) => {
      clocks.storeJumped(ms);
    },
  }).catch(async (error: unknown) => {
    await blobBackend.close();
    throw error;
  });
  try {
    clocks.watch({
      time: () => store.time().now,
      databaseNow: store.kind === 'postgres' ? () => store.now() : undefined,
    });
    if (surroundings.clock === undefined) await requireSameTime(clocks);
    const clock = storeClock(processClock, store);
    const random = surroundings.random ?? pooledRandomBytes();
    const ids = new Ids(clock, random);
    const blobs = new Blobs({ backend: blobBackend, newKey: () => ids.blobKey() });
    const one = { settings: store.settings, records: store.artifacts, blobs, databaseLasts: store.durable };
    const guard = new StoreGuard(one, await claimStore(one, { id: ids.uuid(), since: clock.now() }));
    if (blobs.supports.localFiles) {
      await claimViewRoot(config.jobViewRoot, store.durable ? guard.identity.id : undefined, ids);
    }
    const adminToken = await AdminToken.load(store.settings, ids, config.adminToken);
    const hints = new JobHints({ clock, serverId: ids.token(16), channel: store.hintChannel });
    await hints.start();
    const server = assemble({
      config,
      clock,
      ids,
      random,
      logger,
      store,
      blobBackend,
      blobs,
      guard,
      adminToken,
      hints,
      clocks,
    });
    // A quota holds from the first request on. What cannot be counted now is counted in a minute.
    await server.storage.usage.sample().catch((error: unknown) => {
      logger.error({ err: error }, 'what is stored could not be counted');
    });
    return server;
  } catch (error) {
    await store.close();
    await blobBackend.close();
    throw error;
  }
}

interface Parts {
  readonly config: Config;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly random: RandomBytes;
  readonly logger: Logger;
  readonly store: MetadataStore;
  readonly blobBackend: BlobBackend;
  readonly blobs: Blobs;
  readonly guard: StoreGuard;
  readonly adminToken: AdminToken;
  readonly hints: JobHints;
  readonly clocks: ClockWatch;
}

function assemble(parts: Parts): Server {
  const { config, clock, ids, logger, store, blobBackend, blobs, adminToken, hints } = parts;
  const meter = new PrometheusMeter({ processMetrics: true, jobTypes: config.jobTypes });
  const presence = new Presence({ store: store.presence, clock });
  const jobs = new Jobs({ store: store.jobs, clock, ids, jobTypes: config.jobTypes, hints, presence, meter });
  const log = new JobLog({ store: store.jobs, hints, clock });
  const stopping = new AbortController();
  const signIn = new SignIn({ clock, ids });
  const workers = new Workers({ store: store.workers, commits: store, clock, ids });
  const experiments = new Experiments({ store: store.experiments, commits: store, clock, ids });
  const groups = new Groups({ store: store.experiments, commits: store, clock, ids, random: parts.random });
  const { artifacts, deposits, storage } = artifactsOf(parts, { blobs, jobs, meter, workers, groups });
  const app = doorOf(parts, {
    jobs,
    presence,
    log,
    signIn,
    workers,
    experiments,
    groups,
    artifacts,
    deposits,
    storage,
    blobs,
    meter,
    stopping,
  });
  const background = backgroundOf(parts, { jobs, presence, meter, storage, stopping: stopping.signal });
  return {
    app,
    config,
    store,
    blobBackend,
    blobs,
    jobs,
    artifacts,
    deposits,
    storage,
    workers,
    experiments,
    groups,
    adminToken,
    signIn,
    close: async () => {
      jobs.stopWaiting();
      stopping.abort();
      await Promise.all(background.map((stop) => stop()));
      await app.close();
      await presence.flush().catch((error: unknown) => {
        logger.warn({ err: error }, 'the last sightings of workers were not written');
      });
      await store.close();
      await blobBackend.close();
    },
  };
}

/** The features that requests reach. */
interface DoorParts {
  readonly jobs: Jobs;
  readonly presence: Presence;
  readonly log: JobLog;
  readonly signIn: SignIn;
  readonly workers: Workers;
  readonly experiments: Experiments;
  readonly groups: Groups;
  readonly artifacts: Artifacts;
  readonly deposits: Deposits;
  readonly storage: StorageParts;
  readonly blobs: Blobs;
  readonly meter: PrometheusMeter;
  readonly stopping: AbortController;
}

function doorOf(parts: Parts, features: DoorParts): FastifyInstance {
  const { config, clock, ids, logger, adminToken, hints } = parts;
  const { jobs, presence, log, signIn, workers, experiments, groups, artifacts, deposits, meter, stopping } = features;
  const baseUrl = (): string => serverUrl(config, app);
  const load = new Load(config.loadLimits);
  const authentication = { workers, groups, adminToken, signIn, required: config.authRequired };
  const tickets = {
    tickets: new Tickets<Credential>({ clock, ids }),
    artifacts,
    authentication,
    load,
    basePath: config.basePath,
    baseUrl,
  };
  const handlers: Handlers = pacedLists({
    ...jobHandlers(jobs),
    ...artifactHandlers(artifacts, new Excerpts({ artifacts, load, clock }), clock),
    ...artifactRecordHandlers(artifacts, experiments),
    ...v0ArtifactHandlers({ deposits, artifacts, groups, clock }),
    ...v0WorkerHandlers(workers, groups),
    ...workerHandlers({ workers, presence, jobs, jobTypes: config.jobTypes }),
    ...storageHandlers(features.storage),
    ...sessionHandlers(signIn, baseUrl),
    ...ticketHandlers(tickets),
    ...jobEventHandlers({ jobs, log, hints, clock, stopping: stopping.signal }),
  });
  const app: FastifyInstance = buildApp({
    handlers,
    checkLease: (...call) => jobs.checkLease(...call),
    addMcpRoutes: (scope) => addMcpRoutes(scope, { handlers, artifacts, ids, baseUrl }),
    authentication,
    tickets,
    session: { authentication, basePath: config.basePath, secure: config.publicUrl?.startsWith('https:') === true },
    experiments,
    hostPolicy: { boundHost: config.host, publicUrl: config.publicUrl, allowedHosts: config.allowedHosts },
    keepAliveMs: config.keepAliveMs,
    stalledMs: config.stalledMs,
    maxConnections: mostConnections(config.maxConnections, descriptorLimits()),
    load,
    meter,
    health: {
      clock,
      checks: readinessOf(parts, features.blobs),
      clocks: () => parts.clocks.report,
    },
    clock,
    ids,
    logger,
    basePath: config.basePath,
    baseUrl,
    trustProxy: config.trustProxy,
  });
  return app;
}

interface ArtifactsParts {
  readonly blobs: Blobs;
  readonly jobs: Jobs;
  readonly meter: PrometheusMeter;
}

interface ReaderParts {
  readonly workers: Workers;
  readonly groups: Groups;
}

function artifactsOf(parts: Parts, { blobs, jobs, meter, workers, groups }: ArtifactsParts & ReaderParts) {
  const { config, clock, ids, logger, store, hints } = parts;
  const jobView = jobViewOf(parts, blobs);
  const isReader = knownReader({ groups, findWorker: (id) => workers.find(id) });
  const storage = storageOf(parts, { blobs, jobView, meter });
  const requireRoom = (): void => storage.usage.requireRoom();
  const staging = new Staging({ blobs, clock, graceMs: config.collectGraceMs, requireRoom });
  const shared = {
    store: store.artifacts,
    commits: store,
    intake: new ArtifactIntake({ store: store.artifacts, commits: store, blobs, staging, logger, meter }),
    acl: artifactAcl({ store: store.artifacts, jobs }),
    clock,
    ids,
    provider: 'filesystem',
  } as const;
  return {
    artifacts: new Artifacts({ ...shared, blobs, jobs, jobView, hints, maxBytes: config.jobArtifactMaxBytes }),
    deposits: new Deposits({ ...shared, isReader, maxBytes: config.maxArtifactBytes }),
    storage,
  };
}

function jobViewOf({ config, ids, logger, store }: Parts, blobs: Blobs): JobView {
  if (!blobs.supports.localFiles) return noJobView;
  const localPath = (key: string): string | undefined => blobs.localPath(key);
  return new FolderJobView({ root: config.jobViewRoot, localPath, store: store.artifacts, ids, logger });
}

function storageOf(
  { config, clock, ids, logger, store, guard }: Parts,
  { blobs, jobView, meter }: Omit<ArtifactsParts, 'jobs'> & { readonly jobView: JobView },
): StorageParts {
  const shared = { store: store.artifacts, blobs, jobView, graceMs: config.collectGraceMs };
  const { storageQuotaBytes: quotaBytes, storageWarnPercent: warnPercent } = config;
  if (quotaBytes !== undefined) meter.storageQuota(quotaBytes);
  return {
    collection: new Collection({
      ...shared,
      commits: store,
      findJob: (jobId) => store.jobs.find(jobId),
      clock,
      logger,
      policy: config.retention,
      requireSame: () => guard.requireSame(),
      databaseLasts: store.durable || !blobs.supports.durable,
      since: guard.identity.since,
    }),
    verification: new Verification({
      ...shared,
      ids,
      viewRoot: blobs.supports.localFiles ? config.jobViewRoot : undefined,
    }),
    usage: new Usage({
      store: store.artifacts,
      clock,
      logger,
      quotaBytes,
      warnPercent,
      onSample: ({ byType }) => {
        meter.storage(byType);
      },
    }),
  };
}

const cleanEveryMs = 2000;
/** 50,000 rows a turn, in commits that hold up nobody. */
const cleaning = { batch: 500, most: 100 };

/** What requests need: a durable write to the database of this store, and to its blobs. */
function readinessOf({ store, guard }: Parts, blobs: Blobs) {
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

/** What is done without being asked; each can be stopped. */
function backgroundOf(
  { config, clock, logger, store, clocks }: Parts,
  parts: {
    readonly jobs: Jobs;
    readonly presence: Presence;
    readonly meter: PrometheusMeter;
    readonly storage: StorageParts;
    readonly stopping: AbortSignal;
  },
): (() => Promise<void>)[] {
  const { usage, collection } = parts.storage;
  const collect = (): Promise<unknown> => collection.runUnasked(parts.stopping);
  return [
    repeat(clock, sweepEveryMs, logger, () => {
      clocks.compare();
      return parts.jobs.sweep();
    }),
    repeat(clock, compareClocksEveryMs, logger, () => clocks.look()),
    ...store.cleaners.map((cleaner) => {
      const options = { ...cleaning, stopped: () => parts.stopping.aborted };
      return repeat(clock, cleanEveryMs, logger, () =>
        inBatches(options, (limit) => cleaner.clean(clock.now(), limit)),
      );
    }),
    repeat(clock, flushEveryMs, logger, () => parts.presence.flush()),
    repeat(clock, sampleDepthsEveryMs, logger, async () => {
      parts.meter.depths(await store.jobs.depths(mostCounted));
    }),
    repeat(clock, sampleUsageEveryMs, logger, () => usage.sample()),
    ...(config.collectEveryMs === 0 ? [] : [repeat(clock, config.collectEveryMs, logger, collect)]),
  ];
}

/** Nothing unsafe follows from a clock that is wrong: but at a start somebody is there to set it. */
async function requireSameTime(clocks: ClockWatch): Promise<void> {
  await clocks.look();
  const skew = Math.abs(clocks.report.skewMs ?? 0);
  if (skew <= mostSkewMs) return;
  throw new AppError(
    'unavailable',
    `The clocks of this machine and of the database differ by ${String(Math.round(skew / 1000))} s; at most 2 s are accepted at a start: set them by NTP.`,
  );
}
