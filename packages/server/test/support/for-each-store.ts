import { afterAll, beforeAll, describe, inject } from 'vitest';
import { startTestServer, type StoreName, type TestServer, type TestServerOptions } from './test-server.ts';

/**
 * Runs a suite against a server on a SQLite file and against one on Postgres. The suite gets a function that returns
 * the server, because it starts only when the tests run.
 */
export function forEachStore(
  name: string,
  suite: (harness: () => TestServer, store: StoreName) => void,
  options: Omit<TestServerOptions, 'store'> = {},
): void {
  for (const store of ['sqlite', 'postgres'] as const) {
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
}
