// Declares the values that tests get from `inject`. They are the Postgres of the global setup (scripts/test-engines.ts)
// and settings in vitest.config.ts.
import 'vitest';

declare module 'vitest' {
  export interface ProvidedContext {
    /**
     * URL of the Postgres of this run, as a role that may create databases. Undefined if Postgres could not be started.
     */
    postgresUrl: string | undefined;
    /** True in the vitest project `long`. Tests then do more work, and `forAnyStore` uses Postgres. */
    isLongRun: boolean | undefined;
  }
}
