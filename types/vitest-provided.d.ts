// What tests get by `inject`: the engine of the global setup (scripts/test-engines.ts), and settings of vitest.config.ts.
import 'vitest';

declare module 'vitest' {
  export interface ProvidedContext {
    /** URL with a role that may create databases on the Postgres of the run; undefined when it could not be started. */
    postgresUrl: string | undefined;
    /** True in the project `long`: budgets are larger, and `forAnyStore` uses Postgres. */
    isLongRun: boolean | undefined;
  }
}
