import { afterAll, beforeAll, describe, inject } from 'vitest';
import { startTestServer, type StoreName, type TestServer, type TestServerOptions } from './test-server.ts';

type Suite = (harness: () => TestServer, store: StoreName) => void;
type SuiteOptions = Omit<TestServerOptions, 'store'>;

/**
 * Runs a suite against a server on a SQLite file and against one on Postgres: for behaviour that depends on rows, locks and
 * wakes. The suite gets a function that returns the server, because it starts only when the tests run.
 */
export function forEachStore(name: string, suite: Suite, options: SuiteOptions = {}): void {
  for (const store of ['sqlite', 'postgres'] as const) onStore(store, name, suite, options);
}

/**
 * Runs a suite against a server on a SQLite file: for behaviour of HTTP, rules and bytes that is the same on every store.
 * `npm run test:long` runs it on Postgres.
 */
export function forAnyStore(name: string, suite: Suite, options: SuiteOptions = {}): void {
  onStore(inject('isLongRun') === true ? 'postgres' : 'sqlite', name, suite, options);
}

function onStore(store: 'sqlite' | 'postgres', name: string, suite: Suite, options: SuiteOptions): void {
  // A run without Postgres has printed a warning at its start (scripts/test-engines.ts).
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
