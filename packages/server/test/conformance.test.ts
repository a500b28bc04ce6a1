// Runs the black-box kit against our server over its real socket, one test per scenario, so that a failure names it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { groups, requirements, runScenario, scenarios, type Target } from '@proofhouse/conformance';
import { forEachStore } from './support/for-each-store.ts';
import { adminToken, startTestServer, type TestServer } from './support/test-server.ts';

/** Small enough that the kit tests a larger body. */
const maxArtifactBytes = 9 * 1024 * 1024;

function conformsTo(harness: () => TestServer): void {
  let target: Target;
  let ticking: NodeJS.Timeout;

  beforeAll(async () => {
    const t = harness();
    const url = `http://127.0.0.1:${String(await t.listen())}`;
    // The kit uses real time, so the server's clock advances with it, only faster.
    ticking = setInterval(() => t.clock.advance(100), 25);
    const made = await t.post('/api/experiments', { name: 'conformance' });
    target = { url, adminToken, experiment: made.json.experimentId, maxArtifactBytes };
  });
  afterAll(() => {
    clearInterval(ticking);
  });

  for (const group of groups) {
    describe(group, () => {
      it.each(scenarios.filter((scenario) => scenario.group === group))('$name', async (scenario) => {
        const { outcome } = await runScenario(scenario, target);
        const owed = requirements.filter(({ id }) => scenario.requirements.includes(id)).map(({ text }) => text);
        // Our server implements everything that is optional.
        expect({ outcome, owed }).toEqual({ outcome: { kind: 'passed' }, owed });
      });
    });
  }
}

forEachStore('the server conforms to', conformsTo, { settings: { maxArtifactBytes } });

// The wire does not depend on the storage of the bytes.
describe('the server conforms, with records and bytes in memory, to', () => {
  let t: TestServer;
  beforeAll(async () => {
    t = await startTestServer({ store: 'memory', settings: { maxArtifactBytes, blobUrl: 'memory:' } });
  });
  afterAll(async () => {
    await t.close();
  });
  conformsTo(() => t);
});
