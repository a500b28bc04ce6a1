import type { Config } from '../config/config.ts';
import type { JobHints } from '../jobs/job-hints.ts';
import type { Load } from '../kernel/load.ts';
import type { Logger } from '../kernel/logger.ts';
import type { PrometheusMeter } from '../metrics/prometheus-meter.ts';
import type { AdminToken } from '../workers/admin-token.ts';
import type { Storage } from './storage.ts';

/** What every area may use: the settings, the opened stores, and the services that exist once in the process. */
export interface SharedServices extends Storage {
  readonly config: Config;
  readonly logger: Logger;
  readonly meter: PrometheusMeter;
  readonly load: Load;
  readonly adminToken: AdminToken;
  readonly hints: JobHints;
  /** Aborted as the first step of `close`: ends long polls, streams and background work. */
  readonly stopping: AbortSignal;
  /** Base URL for clients, base path included, without a trailing slash. Only valid while the server listens. */
  readonly baseUrl: () => string;
}
