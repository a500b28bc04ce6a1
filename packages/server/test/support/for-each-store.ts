import { afterAll, beforeAll, describe, inject } from 'vitest';
import { startTestServer, type StoreName, type TestServer, type TestServerOptions } from './test-server.ts';

/**
 * Runs a suite against a server on a SQLite file and one on Postgres. The suite gets a function that
 * gives the server, since it is started only when its tests are about to run.
 */
export function forEachStore(
  name: string,
  suite: (harness: () => TestServer, store: StoreName) => void,
  options: Omit<TestServerOptions, 'store'> = {},
): void {
  for (const store of ['sqlite', 'postgres'] as const) {
    // A run without Postgres has said so loudly when it started (scripts/test-engines.ts).
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
