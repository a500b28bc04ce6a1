// Measures how one hostile worker credential affects a server in another process: its health check and its memory.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { HealthProbe } from './probe-health.ts';
import { ServerProcess } from '../chaos/server-process.ts';

const scale = Number(process.env['HOSTILE_SCALE'] ?? '1');
const mib = 1024 * 1024;
/** Largest accepted increase in ms of the 99th percentile of the health check, compared with the idle server. */
const mostHealthMs = 50;
const mostGrowthMib = 512;
const attackMs = 10_000;

interface Target {
  readonly server: ServerProcess;
  readonly token: string;
  readonly jobId: string;
  readonly artifactId: string;
}

interface Outcome {
  readonly name: string;
  readonly count: number;
  readonly healthP99Ms: number;
  readonly healthMaxMs: number;
  readonly residentMib: number;
  readonly statuses: string;
}

async function targetOf(server: ServerProcess): Promise<Target> {
  const jobId = await server.newJob();
  const made = (await server.json('/api/queue/workers/tokens', { workerId: 'hostile' })) as { token: string };
  const headers = { authorization: `Bearer ${made.token}` };
  const claimed = (await server.json('/api/queue/jobs/claim', { leaseSeconds: 3600 }, headers)) as {
    job: { id: string; leaseId: string };
  };
  if (claimed.job.id !== jobId) throw new Error('The worker holds another job.');
  const line = `${'a line of a log that holds no needle, '.repeat(2)}\n`;
  const put = await server.fetch(`/api/queue/jobs/${jobId}/artifacts/large.log`, {
    method: 'PUT',
    headers: { ...headers, 'proofhouse-lease': claimed.job.leaseId, 'content-type': 'text/plain' },
    body: Buffer.alloc(64 * mib, line),
  });
  if (put.status !== 201) throw new Error(await put.text());
  for (let count = 0; count < 200; count += 1) {
    await server.json('/api/queue/jobs', { type: 'exec', payload: { note: 'x'.repeat(250 * 1024) } });
  }
  return { server, token: made.token, jobId, artifactId: ((await put.json()) as { id: string }).id };
}

/** Sends a GET request, counts the status of the answer, and stops reading after the first piece of the answer. */
function ask({ server, token }: Target, place: string, statuses: Map<string, number>): Socket {
  const { port, hostname } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  const count = (status: string): void => void statuses.set(status, (statuses.get(status) ?? 0) + 1);
  socket.on('error', (error: NodeJS.ErrnoException) => {
    count(error.code ?? 'error');
  });
  socket.once('data', (piece: Buffer) => {
    socket.pause();
    count(/^HTTP\/1\.1 (\d+)/.exec(piece.toString('latin1'))?.[1] ?? '?');
  });
  socket.write(`GET ${place} HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  return socket;
}

async function attack(target: Target, name: string, wanted: number, place: string): Promise<Outcome> {
  const count = Math.ceil(wanted * scale);
  const statuses = new Map<string, number>();
  const sockets: Socket[] = [];
  const probe = HealthProbe.start(`${target.server.url}/healthz`);
  let residentMib = 0;
  const endsAt = performance.now() + attackMs;
  for (let made = 0; made < count; made += 1) sockets.push(ask(target, place, statuses));
  while (performance.now() < endsAt) {
    residentMib = Math.max(residentMib, target.server.residentBytes() / mib);
    await pause(50);
  }
  const healthMs = await probe.stop();
  const closed = sockets.filter((socket) => !socket.destroyed).map((socket) => once(socket, 'close'));
  for (const socket of sockets) socket.destroy();
  await Promise.all(closed);
  healthMs.sort((a, b) => a - b);
  return {
    name,
    count,
    healthP99Ms: healthMs[Math.floor(healthMs.length * 0.99)] ?? NaN,
    healthMaxMs: healthMs.at(-1) ?? NaN,
    residentMib,
    statuses: [...statuses].map(([status, times]) => `${String(times)} × ${status}`).join(', '),
  };
}

const folder = await mkdtemp(path.join(tmpdir(), 'proofhouse-hostile-'));
const server = await ServerProcess.mustStart({ PROOFHOUSE_DATA_DIR: folder });
try {
  const target = await targetOf(server);
  const before = server.residentBytes() / mib;
  const artifact = `/api/queue/jobs/${target.jobId}/artifacts/${target.artifactId}`;
  const calm = await attack(target, 'nothing', 0, '');
  const outcomes = [
    calm,
    await attack(target, 'searches', 600, `${artifact}/excerpt?grep=absent`),
    await attack(target, 'unread downloads', 1000, `${artifact}/download`),
    await attack(target, 'event streams', 1500, `/api/queue/jobs/${target.jobId}/events/stream`),
    await attack(target, 'unread event lists', 300, `/api/queue/jobs/${target.jobId}/events?limit=500`),
    await attack(
      { ...target, token: 'chaos-admin-token-of-forty-characters-00' },
      'unread lists',
      300,
      '/api/queue/jobs?limit=200',
    ),
  ];
  const after = server.residentBytes() / mib;
  process.stdout.write(`RESULT\n| attack | requests | health p99, ms | health max, ms | resident, MiB | answers |\n`);
  process.stdout.write('| --- | ---: | ---: | ---: | ---: | --- |\n');
  for (const each of outcomes) {
    const numbers = [each.healthP99Ms, each.healthMaxMs, each.residentMib].map((number) => number.toFixed(0));
    process.stdout.write(`| ${[each.name, String(each.count), ...numbers, each.statuses].join(' | ')} |\n`);
  }
  process.stdout.write(`\nResident memory was ${before.toFixed(0)} MiB before and ${after.toFixed(0)} MiB after.\n`);
  const failed = outcomes.filter(
    ({ healthP99Ms, residentMib }) =>
      !(healthP99Ms <= mostHealthMs + calm.healthP99Ms) || residentMib - before > mostGrowthMib,
  );
  if (failed.length > 0) {
    process.stdout.write(`Over the bounds: ${failed.map(({ name }) => name).join(', ')}.\n`);
    process.exitCode = 1;
  }
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}
