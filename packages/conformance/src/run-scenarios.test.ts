import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { verdictOf } from './conformance-level.ts';
import { expectStatus, NotKnown, NotTried } from './expectations/expectations.ts';
import { jsonReport, resultLines, verdictLines } from './report.ts';
import { must, optional, requirementsOf } from './requirement.ts';
import { runScenario, runScenarios } from './run-scenarios.ts';
import { scenariosOf, type Scenario } from './scenario.ts';

const adminToken = 'the-admin-token-of-a-test';

const requirements = requirementsOf('groups', {
  'GR-A': must('It answers.', 'here'),
  'GR-B': optional('It sings.', 'there'),
});

function scenario(run: Scenario['run'], more: Partial<Scenario> = {}): Scenario {
  return { group: 'groups', name: 'it answers', requirements: ['GR-A'], run, ...more };
}

async function against<T>(listener: RequestListener, look: (url: string) => Promise<T>): Promise<T> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    return await look(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const target = (url: string) => ({ url, adminToken, experiment: 'exp_0' });

test('a failure has the request, the expected and the actual answer, and no secret', async () => {
  const outcome = await against(
    (request, response) => {
      response
        .writeHead(500, { 'content-type': 'text/plain' })
        .end(`you sent ${String(request.headers.authorization)}, s3cret-of-a-worker`);
    },
    async (url) => {
      const asked = scenario(async (server) => {
        server.remember('s3cret-of-a-worker');
        expectStatus(await server.v0('GET', '/groups'), 200);
      });
      return runScenario(asked, target(url));
    },
  );
  expect(outcome.outcome).toEqual({
    kind: 'failed',
    request: 'GET /v0/experiments/exp_0/groups',
    expected: 'the status: 200',
    seen: '500 you sent Bearer admin:[secret], [secret]',
  });
  const lines = resultLines(outcome, requirements).join('\n');
  expect(lines).toContain('GR-A (must) It answers. [here]');
  expect(lines).not.toContain(adminToken);
});

test('a scenario that takes too long fails at its time limit, even when its server does not respond', async () => {
  const result = await against(
    () => undefined,
    (url) => {
      const asked = scenario(
        async (server) => {
          await server.v0('GET', '/groups');
        },
        { limitMs: 50 },
      );
      return runScenario(asked, target(url));
    },
  );
  expect(result.outcome).toMatchObject({ kind: 'failed' });
});

test('a server that is not reachable, and an error of the kit, are failures', async () => {
  const away = scenario(async (server) => {
    await server.v0('GET', '/groups');
  });
  const broken = scenario(() => Promise.reject(new TypeError('the kit is broken')));
  const results = await runScenarios([away, broken], target('http://127.0.0.1:1'));
  expect(results.map(({ outcome }) => outcome)).toMatchObject([
    { kind: 'failed', expected: 'the answer: any' },
    { kind: 'failed', seen: 'the kit is broken' },
  ]);
});

test('the verdict distinguishes failed musts from options that are not offered', async () => {
  const pass = () => Promise.resolve();
  const skip = () => Promise.reject(new NotTried('it does not sing'));
  const [sings] = scenariosOf('groups', [{ name: 'it sings', requirements: ['GR-B'], run: skip }]);
  const results = await runScenarios([scenario(pass), sings!], target('http://127.0.0.1:1'));
  const verdict = verdictOf(results, requirements);
  expect(verdict).toMatchObject({
    conformant: true,
    levels: [{ notOffered: ['GR-B'], notKnown: [], notTried: [], skipped: 1 }],
  });
  expect(verdictLines(verdict)).toEqual([
    'groups: 1 passed, 0 failed, 1 skipped',
    '      options not offered: GR-B',
    'conformant: groups',
  ]);
  expect(jsonReport(results, verdict)).toMatchObject({ results: [{}, { outcome: { reason: 'it does not sing' } }] });
  const unknown = () => Promise.reject(new NotKnown('give --song'));
  const unasked = [{ ...sings!, run: unknown }];
  const asked = verdictOf(await runScenarios([scenario(pass), ...unasked], target('http://127.0.0.1:1')), requirements);
  expect(asked).toMatchObject({ levels: [{ notOffered: [], notKnown: [{ id: 'GR-B', reason: 'give --song' }] }] });
  expect(verdictLines(asked)).toContain('      options not tried: GR-B (give --song)');
  const untried = verdictOf(await runScenarios([scenario(skip)], target('http://127.0.0.1:1')), requirements);
  expect(untried).toMatchObject({ conformant: false, levels: [{ notTried: ['GR-A'] }] });
  const failed = await runScenarios(
    [scenario(pass), scenario(() => Promise.reject(new Error('no')))],
    target('http://x'),
  );
  expect(verdictLines(verdictOf(failed, requirements)).at(-1)).toBe('not conformant: groups');
});
