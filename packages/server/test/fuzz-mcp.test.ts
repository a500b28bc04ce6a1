// Fuzzes MCP: sends calls whose arguments are almost correct or random. Each call must get a result, a tool error or a
// protocol error, never an internal error.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { propertyRuns } from './support/property-runs.ts';
import { almostOfJson, hostileText, hostileValue } from './support/schema-arbitrary.ts';
import { startTestServer, type Answer, type TestServer } from './support/test-server.ts';

const protocol = { accept: 'application/json, text/event-stream' };

let t: TestServer;
let known: string[];
beforeAll(async () => {
  t = await startTestServer();
  const { job, lease } = await t.running();
  known = ['exec', 'a/b.txt', job.id, lease, (await t.enqueue()).id];
});
afterAll(async () => {
  await t.close();
});

function send(json: unknown): Promise<Answer> {
  return t.call('POST', '/mcp', { json, headers: protocol });
}

function expectNoFault(answer: Answer): void {
  expect(answer.status, answer.text).toBeLessThan(500);
  expect(answer.text).not.toContain('The server failed');
  expect(t.logLines.filter((line) => line.includes('"level":50'))).toEqual([]);
}

it('every tool with almost its arguments gives a result or an error of its own', async () => {
  const { tools } = (await send({ jsonrpc: '2.0', id: 1, method: 'tools/list' })).json.result as {
    tools: { name: string; inputSchema: object }[];
  };
  expect(tools.length).toBeGreaterThan(5);
  for (const { name, inputSchema } of tools) {
    await fc.assert(
      fc.asyncProperty(almostOfJson(inputSchema, known), async (args) => {
        // A call with `waitSeconds` would never return, because the test clock does not advance.
        const patient = typeof args === 'object' && args !== null && 'waitSeconds' in args;
        const given = patient ? { ...args, waitSeconds: 0 } : args;
        const answer = await send({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: given } });
        expectNoFault(answer);
      }),
      { numRuns: propertyRuns(25) },
    );
  }
});

it('messages that are none of the protocol\u2019s are errors', async () => {
  const message = fc.oneof(
    hostileValue,
    fc.record(
      {
        jsonrpc: fc.oneof(fc.constant('2.0'), hostileText),
        id: hostileValue,
        method: hostileText,
        params: hostileValue,
      },
      { requiredKeys: [] },
    ),
    fc.record({
      jsonrpc: fc.constant('2.0'),
      id: fc.oneof(fc.nat(), hostileText),
      method: fc.constantFrom(
        'initialize',
        'tools/call',
        'tools/list',
        'ping',
        'resources/list',
        'notifications/cancelled',
      ),
      params: hostileValue,
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.oneof(message, fc.array(message, { maxLength: 3 })), async (json) => {
      expectNoFault(await send(json));
    }),
    { numRuns: propertyRuns(150) },
  );
});
