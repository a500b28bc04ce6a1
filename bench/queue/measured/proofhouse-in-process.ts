// Measures Proofhouse without HTTP: calls the `Jobs` of `compose()` in the same process.
import process from 'node:process';
import { compose, loadConfig, makeLogger } from '@proofhouse/server';
import { serveOrders } from '../serve-orders.ts';
import { queueOf } from '../worker-loops.ts';

const server = await compose(loadConfig({ env: process.env, flags: {} }), { logger: makeLogger('silent') });
const { jobs } = server;
const claimOptions = { signal: new AbortController().signal, reauthenticate: () => Promise.resolve() };
const workerId = (worker: number) => `worker-${String(worker)}`;
const newJob = { type: 'exec', priority: 0, payload: { command: 'true' }, maxAttempts: 3 };

interface Held {
  readonly id: string;
  readonly leaseId: string;
}

serveOrders(
  queueOf<Held>({
    add: () => jobs.create({ kind: 'admin' }, newJob),
    claim: async (worker, maxJobs) => {
      const principal = { kind: 'worker', workerId: workerId(worker), policy: {} } as const;
      const claimed = await jobs.claim(principal, { leaseSeconds: 600, waitSeconds: 0, maxJobs }, claimOptions);
      return claimed.map(({ id, leaseId }) => ({ id, leaseId: leaseId ?? '' }));
    },
    completeOne: (worker, { id, leaseId }) => jobs.complete({ workerId: workerId(worker), leaseId }, id),
    completeMany: async (worker, held) => {
      const items = held.map(({ id, leaseId }) => ({ jobId: id, leaseId }));
      const results = await jobs.completeMany(workerId(worker), items);
      const failed = results.find((result) => 'error' in result);
      if (failed !== undefined) throw new Error(JSON.stringify(failed));
    },
    stop: () => server.close(),
  }),
);
