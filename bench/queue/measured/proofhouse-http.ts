// Measures the HTTP API of Proofhouse. Each worker has its own credential and two keep-alive connections. The load
// generator uses raw sockets, so that the server limits the result.
import process from 'node:process';
import { adminToken } from '../../contenders.ts';
import { RawConnection } from '../../raw-connection.ts';
import { serveOrders } from '../serve-orders.ts';
import { queueOf } from '../worker-loops.ts';

const port = Number(process.env['BENCH_PORT']);
const jobs = '/api/queue/jobs';
const newJob = JSON.stringify({ type: 'exec', payload: { command: 'true' } });
const tokens: string[] = [];
/** Two connections for each worker: the first for claims, the second for completions. */
let connections: RawConnection[] = [];

interface Held {
  readonly id: string;
  readonly leaseId: string;
}

async function post(worker: number, place: string, body: string, token: string, lease?: string): Promise<string> {
  const connection = connections[2 * worker + (lease === undefined ? 0 : 1)];
  if (connection === undefined) throw new Error(`Worker ${String(worker)} has no connection.`);
  const leaseLine = lease === undefined ? '' : `proofhouse-lease: ${lease}\r\n`;
  const head =
    `POST ${place} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${token}\r\n${leaseLine}` +
    `content-type: application/json\r\ncontent-length: ${String(body.length)}\r\n\r\n`;
  return (await connection.send({ head: head + body, keepBody: true })).body;
}

const tokenOf = (worker: number): string => tokens[worker] ?? '';

/** Creates the worker tokens that do not exist yet. Later orders use them again. */
async function makeTokens(workers: number): Promise<void> {
  while (tokens.length < workers) {
    const body = JSON.stringify({ workerId: `worker-${String(tokens.length)}` });
    const made = await post(0, '/api/queue/workers/tokens', body, adminToken);
    tokens.push((JSON.parse(made) as { token: string }).token);
  }
}

serveOrders(
  queueOf<Held>({
    open: async (workers) => {
      connections = await Promise.all(Array.from({ length: 2 * workers }, () => RawConnection.open(port)));
      await makeTokens(workers);
    },
    close: () => {
      for (const connection of connections) connection.close();
    },
    add: (worker) => post(worker, jobs, newJob, adminToken),
    claim: async (worker, maxJobs) => {
      const body = JSON.stringify({ leaseSeconds: 600, maxJobs });
      const answer = await post(worker, `${jobs}/claim`, body, tokenOf(worker));
      const claimed = JSON.parse(answer) as { job?: Held | null; jobs?: Held[] };
      return claimed.jobs ?? (claimed.job == null ? [] : [claimed.job]);
    },
    completeOne: (worker, { id, leaseId }) => post(worker, `${jobs}/${id}/complete`, '{}', tokenOf(worker), leaseId),
    completeMany: async (worker, held) => {
      const items = held.map(({ id, leaseId }) => ({ jobId: id, leaseId }));
      const answer = await post(worker, `${jobs}/complete-batch`, JSON.stringify({ items }), tokenOf(worker));
      const { results } = JSON.parse(answer) as { results: { error?: unknown }[] };
      const failed = results.find((result) => result.error !== undefined);
      if (failed !== undefined) throw new Error(JSON.stringify(failed));
    },
    stop: () => Promise.resolve(),
  }),
);
