// Runs the conformance kit against the Proofhouse server over a real socket. Each scenario is one test, so that a
// failure names the scenario.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { groups, requirements, runScenario, scenarios, type Target } from '@proofhouse/conformance';
import { forEachStore } from './support/for-each-store.ts';
import { adminToken, startTestServer, type TestServer } from './support/test-server.ts';

/** Size limit of deposits. It is small, so that the conformance kit can also send a deposit that is too large. */
const maxArtifactBytes = 9 * 1024 * 1024;

function conformsTo(harness: () => TestServer): void {
  let target: Target;
  let ticking: NodeJS.Timeout;

  beforeAll(async () => {
    const t = harness();
    const url = `http://127.0.0.1:${String(await t.listen())}`;
    // The conformance kit waits in real time, but the server uses a test clock. This timer advances the test clock four
    // times as fast as real time.
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
        // No scenario may be skipped, because the server implements every optional requirement.
        expect({ outcome, owed }).toEqual({ outcome: { kind: 'passed' }, owed });
      });
    });
  }
}

forEachStore('the server conforms to', conformsTo, { settings: { maxArtifactBytes } });

// Runs the conformance kit again with other storage, because the behaviour on /v0 must not depend on the storage.
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
