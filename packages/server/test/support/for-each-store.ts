import { afterAll, beforeAll, describe, inject } from 'vitest';
import { startTestServer, type StoreName, type TestServer, type TestServerOptions } from './test-server.ts';

type Suite = (harness: () => TestServer, store: StoreName) => void;
type SuiteOptions = Omit<TestServerOptions, 'store'>;

/**
 * Runs a suite twice: against a server on a SQLite file, and against a server on Postgres. Used for behaviour that
 * depends on rows, locks and wakes. The suite receives a function that returns the server, because the server starts
 * only when the tests run.
 */
export function forEachStore(name: string, suite: Suite, options: SuiteOptions = {}): void {
  for (const store of ['sqlite', 'postgres'] as const) onStore(store, name, suite, options);
}

/**
 * Runs a suite once, against a server on a SQLite file. Used for behaviour of HTTP, rules and bytes, which does not
 * depend on the store. `npm run test:long` runs the suite on Postgres instead.
 */
export function forAnyStore(name: string, suite: Suite, options: SuiteOptions = {}): void {
  onStore(inject('isLongRun') === true ? 'postgres' : 'sqlite', name, suite, options);
}

function onStore(store: 'sqlite' | 'postgres', name: string, suite: Suite, options: SuiteOptions): void {
  // Without Postgres, the suite is skipped. scripts/test-engines.ts has printed a warning at the start of the run.
  const isMissing = store === 'postgres' && inject('postgresUrl') === undefined;
  describe.skipIf(isMissing)(`${name}, on ${store}`, () => {
    let server: TestServer;
    beforeAll(async () => {
      server = await startTestServer({ ...options, store });
    });
    afterAll(async () => {
      await server.close();
    });
    suite(() => server, store);
  });
}
