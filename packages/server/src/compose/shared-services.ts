import type { Config } from '../config/config.ts';
import type { JobHints } from '../jobs/job-hints.ts';
import type { Load } from '../kernel/load.ts';
import type { Commits } from '../kernel/commit.ts';
import type { Logger } from '../kernel/logger.ts';
import type { PrometheusMeter } from '../metrics/prometheus-meter.ts';
import type { SecretPolicy } from '../secrets/secret-policy.ts';
import type { AdminToken } from '../workers/admin-token.ts';
import type { Storage } from './storage.ts';

/** The parts that every area may use: the settings, the opened stores, and the services of the whole process. */
export interface SharedServices extends Storage {
  readonly config: Config;
  readonly logger: Logger;
  readonly meter: PrometheusMeter;
  readonly load: Load;
  readonly adminToken: AdminToken;
  /** Commits to the store. They store the audit entry of the call that is being handled. */
  readonly commits: Commits;
  readonly hints: JobHints;
  readonly secrets: SecretPolicy;
  /** Aborts in the first step of the stop. Event streams and background tasks must then end. */
  readonly stopping: AbortSignal;
  /**
   * Returns the base URL for clients. It includes the base path and has no trailing slash. It is valid only while the
   * server listens.
   */
  readonly baseUrl: () => string;
}
