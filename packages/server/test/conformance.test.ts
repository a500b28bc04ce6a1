// The black-box kit against our own server, over its real socket: one test a scenario, so that a failure names it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { groups, requirements, runScenario, scenarios, type Target } from '@proofhouse/conformance';
import { forEachStore } from './support/for-each-store.ts';
import { adminToken, startTestServer, type TestServer } from './support/test-server.ts';

/** Small enough to go over. */
const maxArtifactBytes = 9 * 1024 * 1024;

function conformsTo(harness: () => TestServer): void {
  let target: Target;
  let ticking: NodeJS.Timeout;

  beforeAll(async () => {
    const t = harness();
    const url = `http://127.0.0.1:${String(await t.listen())}`;
    // The kit knows no clock but its own, so the server's goes along with it, only faster.
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
        // What a server may leave out, ours does not.
        expect({ outcome, owed }).toEqual({ outcome: { kind: 'passed' }, owed });
      });
    });
  }
}

forEachStore('the server conforms to', conformsTo, { settings: { maxArtifactBytes } });

// Where the bytes lie is no business of the wire.
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
