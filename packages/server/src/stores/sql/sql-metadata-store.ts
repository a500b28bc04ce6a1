import type { HintChannel } from '../../jobs/job-hints.ts';
import type { Commit, CommitResult } from '../../kernel/commit.ts';
import { requireFewItems } from '../../kernel/commit-items.ts';
import type { Cleaner } from '../../kernel/in-batches.ts';
import type { StoreTime } from '../../kernel/time/store-time.ts';
import type { MetadataStore } from '../metadata-store.ts';
import { SqlArtifactStore } from './records/artifacts.ts';
import { SqlAuditStore } from './records/people/audit.ts';
import { SqlBlobOwners } from './records/blob-owners.ts';
import { commitAll } from './records/commits.ts';
import { SqlExperimentStore } from './records/experiments.ts';
import { deleteExpiredKeys } from './records/idempotency.ts';
import { removeHidden } from './records/group-members.ts';
import { RouteCache } from './queue/route-cache.ts';
import { RouteCleaner } from './queue/route-cleaning.ts';
import { SqlJobStore } from './queue/jobs.ts';
import { deleteUnseen, SqlPresenceStore } from './records/presence.ts';
import { SqlSettingStore } from './records/settings.ts';
import type { QueueEngine } from './queue/queue-dialect.ts';
import { deleteExpiredCodes, deleteExpiredSessions, SqlUserStore } from './records/people/users.ts';
import { SqlWorkerStore } from './records/workers.ts';

/** The store for all SQL engines. Each operation is written once and runs on every engine. */
export class SqlMetadataStore implements MetadataStore {
  readonly kind: string;
  readonly durable: boolean;
  readonly jobs: SqlJobStore;
  readonly artifacts: SqlArtifactStore;
  readonly blobOwners: SqlBlobOwners;
  readonly workers: SqlWorkerStore;
  readonly experiments: SqlExperimentStore;
  readonly users: SqlUserStore;
  readonly audit: SqlAuditStore;
  readonly settings: SqlSettingStore;
  readonly presence: SqlPresenceStore;
  readonly hintChannel: HintChannel | undefined;
  readonly cleaners: readonly Cleaner[];
  readonly #engine: QueueEngine;
  readonly #routes = new RouteCache();

  constructor(engine: QueueEngine) {
    this.#engine = engine;
    this.kind = engine.dialect.kind;
    this.durable = engine.durable;
    this.jobs = new SqlJobStore(engine, this.#routes);
    this.artifacts = new SqlArtifactStore(engine);
    this.blobOwners = new SqlBlobOwners(engine);
    this.workers = new SqlWorkerStore(engine);
    this.experiments = new SqlExperimentStore(engine);
    this.users = new SqlUserStore(engine);
    this.audit = new SqlAuditStore(engine);
    this.settings = new SqlSettingStore(engine);
    this.presence = new SqlPresenceStore(engine);
    this.hintChannel = engine.hintChannel;
    this.cleaners = [
      { name: 'idempotency keys', clean: (now, limit) => engine.write(() => deleteExpiredKeys(now, limit)) },
      { name: 'workers that were not seen', clean: (now, limit) => engine.write(() => deleteUnseen(now, limit)) },
      { name: 'sessions', clean: (now, limit) => engine.write(() => deleteExpiredSessions(now, limit)) },
      { name: 'sign-in codes', clean: (now, limit) => engine.write(() => deleteExpiredCodes(now, limit)) },
      { name: 'hidden groups', clean: (now, limit) => engine.write(() => removeHidden(now, limit)) },
      new RouteCleaner(engine, this.#routes),
    ];
  }

  async commit(commit: Commit): Promise<CommitResult> {
    requireFewItems(commit);
    const { result } = await this.#routes.addJobs(this.#engine, (time) =>
      commitAll(this.#engine.dialect, this.#routes, commit, time),
    );
    return result;
  }

  async ping(): Promise<void> {
    await this.#engine.ping();
    await this.settings.put('heartbeat', String(await this.#engine.now()));
  }

  time(): StoreTime {
    return this.#engine.time();
  }

  now(): Promise<number> {
    return this.#engine.now();
  }

  close(): Promise<void> {
    return this.#engine.close();
  }
}
