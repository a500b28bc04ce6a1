import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { ManualClock } from '../kernel/time/manual-clock.ts';
import { IssuerKeys } from './issuer-keys.ts';

it('an issuer that does not answer within the time limit cannot be reached', async () => {
  const server = createServer(() => undefined);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const issuer = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const logged: unknown[] = [];
  const logger = { warn: (details: unknown) => logged.push(details) };
  const keys = new IssuerKeys({ issuer, clock: new ManualClock(), logger, timeoutMs: 20 });
  const header = { alg: 'RS256', kid: 'any' };
  const calls = Array.from({ length: 5 }, () => keys.keyOf(header, { payload: '', signature: '' }));
  const results = await Promise.allSettled(calls);
  expect(results.map((result) => result.status === 'rejected' && (result.reason as { code: string }).code)).toEqual(
    Array.from({ length: 5 }, () => 'unavailable'),
  );
  expect(logged).toHaveLength(1);
});
