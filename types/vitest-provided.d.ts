// What the global setup (scripts/test-engines.ts) provides to tests: `inject('postgresUrl')`.
import 'vitest';

declare module 'vitest' {
  export interface ProvidedContext {
    /** URL with a role that may create databases on the Postgres of the run; undefined when it could not be started. */
    postgresUrl: string | undefined;
  }
}
