// What the global setup (scripts/test-engines.ts) provides to tests: `inject('postgresUrl')`.
import 'vitest';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A role that may create databases on the run's one real Postgres; undefined when it could not be started. */
    postgresUrl: string | undefined;
  }
}
