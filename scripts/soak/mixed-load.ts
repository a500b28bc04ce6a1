// Runs a mixed load on one server for SOAK_SECONDS (default 1200): workers, clients that create jobs, clients that
// read, streams, and clients that disconnect. Measures the memory and the file descriptors of the server before, during
// and after the load. Fails if a descriptor is leaked, if an answer is 5xx, or if memory after the idle phase exceeds
// `mostRestMiB`.
import { setTimeout as pause } from 'node:timers/promises';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { ServerProcess } from '../chaos/server-process.ts';

const seconds = Number(process.env['SOAK_SECONDS'] ?? 1200);
const restSeconds = Math.min(60, Math.max(15, seconds / 10));
const sampleMs = 5000;
/**
 * Pause in ms between two iterations of each client. With it, half a core of a small machine stays idle, as on a server
 * below its limit.
 */
const turnMs = 100;
/**
 * Largest accepted memory of the server in MiB after the idle phase. It is twice the peak under this load. More memory
 * is a leak.
 */
const mostRestMiB = 512;
const sizes = [0, 4096, 65_536, 1_048_576, 8_388_608];

interface Figures {
  readonly rssMiB: number;
  readonly descriptors: number;
}

const counts: Record<string, number> = {};
const wrong: string[] = [];
const over = new AbortController();

function count(what: string): void {
  counts[what] = (counts[what] ?? 0) + 1;
}

async function figuresOf(pid: number): Promise<Figures> {
  const status = await readFile(`/proc/${String(pid)}/status`, 'utf8');
  const kib = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0);
  return { rssMiB: Math.round(kib / 1024), descriptors: (await readdir(`/proc/${String(pid)}/fd`)).length };
}

/** Makes one call and returns its answer. A 5xx answer or a failed call is recorded in `wrong`. */
async function call(server: ServerProcess, place: string, init: RequestInit = {}): Promise<Response | undefined> {
  try {
    const response = await server.fetch(place, {
      ...init,
      signal: AbortSignal.any([over.signal, init.signal].filter((signal) => signal != null)),
    });
    if (response.status >= 500) wrong.push(`${init.method ?? 'GET'} ${place}: ${String(response.status)}`);
    return response;
  } catch (error) {
    if (!over.signal.aborted && init.signal?.aborted !== true) wrong.push(`${place}: ${String(error)}`);
    return undefined;
  }
}

async function jsonOf(
  server: ServerProcess,
  place: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<unknown> {
  const init =
    body === undefined
      ? { headers }
      : { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } };
  const response = await call(server, place, init);
  return response?.json().catch(() => undefined);
}

interface Claimed {
  readonly job: { readonly id: string; readonly leaseId: string } | null;
}

async function worker(server: ServerProcess, token: string): Promise<void> {
  const as = { authorization: `Bearer ${token}` };
  for (let turn = 0; !over.signal.aborted; turn++) {
    const claimed = (await jsonOf(server, '/api/queue/jobs/claim', { waitSeconds: 1, leaseSeconds: 60 }, as)) as
      Claimed | undefined;
    if (claimed?.job == null) continue;
    const { id, leaseId } = claimed.job;
    const held = { ...as, 'proofhouse-lease': leaseId };
    const size = sizes[turn % sizes.length] ?? 0;
    await upload(server, id, `out-${String(turn % 7)}.bin`, size, held);
    await jsonOf(server, `/api/queue/jobs/${id}/events`, { level: 'info', message: `turn ${String(turn)}` }, held);
    if (turn % 5 === 0) await jsonOf(server, `/api/queue/jobs/${id}/heartbeat`, { leaseSeconds: 60 }, held);
    await jsonOf(server, `/api/queue/jobs/${id}/complete`, { resultSummary: 'done' }, held);
    count('jobs');
    await pause(turnMs);
  }
}

async function upload(server: ServerProcess, job: string, name: string, size: number, headers: Record<string, string>) {
  const answer = await call(server, `/api/queue/jobs/${job}/artifacts/${name}`, {
    method: 'PUT',
    body: Buffer.alloc(size, 'x'),
    headers,
  });
  await answer?.arrayBuffer();
  count('uploads');
}

async function producer(server: ServerProcess): Promise<void> {
  while (!over.signal.aborted) {
    await jsonOf(server, '/api/queue/jobs', { type: 'exec', payload: { note: 'x'.repeat(2000) } });
    count('created');
    await pause(turnMs / 4);
  }
}

interface Listed {
  readonly items?: readonly { readonly id: string; readonly jobId?: string }[];
}

async function reader(server: ServerProcess): Promise<void> {
  while (!over.signal.aborted) {
    const jobs = (await jsonOf(server, '/api/queue/jobs?limit=200')) as Listed | undefined;
    const job = jobs?.items?.at(-1)?.id;
    if (job !== undefined) {
      const artifacts = (await jsonOf(server, `/api/queue/jobs/${job}/artifacts`)) as Listed | undefined;
      for (const { id } of artifacts?.items ?? []) {
        const answer = await call(server, `/api/queue/jobs/${job}/artifacts/${id}/download`);
        await answer?.arrayBuffer().catch(() => undefined);
        await jsonOf(server, `/api/queue/jobs/${job}/artifacts/${id}/excerpt?grep=y`);
        count('downloads');
      }
    }
    await jsonOf(server, '/readyz');
    await pause(2 * turnMs);
  }
}

/**
 * A client that disconnects from an event stream, interrupts an upload half way, and stops reading a download, in turn.
 */
async function deserter(server: ServerProcess): Promise<void> {
  for (let turn = 0; !over.signal.aborted; turn++) {
    const gone = AbortSignal.timeout(200);
    const job = await server.newJob().catch(() => undefined);
    if (job === undefined) continue;
    if (turn % 3 === 0) {
      const stream = await call(server, '/api/queue/events/stream', { signal: gone });
      await stream?.text().catch(() => undefined);
    } else if (turn % 3 === 1) {
      const body = new ReadableStream<Uint8Array>({
        async pull(controller) {
          await pause(50);
          controller.enqueue(new Uint8Array(65_536));
        },
      });
      await call(server, `/api/queue/jobs/${job}/artifacts/half.bin`, {
        method: 'PUT',
        body,
        duplex: 'half',
        signal: gone,
      });
    } else {
      await upload(server, job, 'large.bin', 8_388_608, {});
      const list = (await jsonOf(server, `/api/queue/jobs/${job}/artifacts`)) as Listed | undefined;
      const id = list?.items?.[0]?.id;
      const unread = await call(server, `/api/queue/jobs/${job}/artifacts/${String(id)}/download`, { signal: gone });
      await pause(250);
      await unread?.body?.cancel().catch(() => undefined);
    }
    await jsonOf(server, `/api/queue/jobs/${job}/cancel`, {});
    count('left half way');
    await pause(turnMs);
  }
}

async function tokenOf(server: ServerProcess, workerId: string): Promise<string> {
  return ((await server.json('/api/queue/workers/tokens', { workerId })) as { token: string }).token;
}

async function run(folder: string): Promise<boolean> {
  const server = await ServerProcess.mustStart({ PROOFHOUSE_DATA_DIR: folder, PROOFHOUSE_KEEP_ALIVE_SECONDS: '5' });
  try {
    const { pid } = server;
    await jsonOf(server, '/readyz');
    await pause(1000);
    const before = await figuresOf(pid);
    const samples: Figures[] = [];
    const sampling = setInterval(
      () =>
        void figuresOf(pid).then(
          (found) => samples.push(found),
          () => undefined,
        ),
      sampleMs,
    );
    const tokens = await Promise.all(Array.from({ length: 6 }, (_, at) => tokenOf(server, `soak-${String(at)}`)));
    setTimeout(() => over.abort(), seconds * 1000).unref();
    const ending = pause(seconds * 1000);
    await Promise.all([
      ...tokens.map((token) => worker(server, token)),
      producer(server),
      reader(server),
      reader(server),
      deserter(server),
      deserter(server),
      ending,
    ]);
    clearInterval(sampling);
    // The idle phase, in which the connections of disconnected clients reach their timeouts.
    await pause(restSeconds * 1000);
    const after = await figuresOf(pid);
    const peak = Math.max(...samples.map(({ rssMiB }) => rssMiB), after.rssMiB);
    const passed = report({ before, after, peak, samples });
    return passed;
  } finally {
    await server.stop();
  }
}

function report({
  before,
  after,
  peak,
  samples,
}: {
  before: Figures;
  after: Figures;
  peak: number;
  samples: readonly Figures[];
}): boolean {
  const openMost = Math.max(before.descriptors, ...samples.map(({ descriptors }) => descriptors));
  const quarter = (at: number): number => samples[Math.floor((samples.length - 1) * at)]?.rssMiB ?? 0;
  const lines = [
    '| | before | at 25 % | at 50 % | at 75 % | at 100 % | most | after the rest |',
    '| --- | --: | --: | --: | --: | --: | --: | --: |',
    `| memory (RSS), MiB | ${[before.rssMiB, quarter(0.25), quarter(0.5), quarter(0.75), quarter(1), peak, after.rssMiB].join(' | ')} |`,
    `| descriptors | ${[before.descriptors, '', '', '', '', openMost, after.descriptors].join(' | ')} |`,
    '',
    `${Object.entries(counts)
      .map(([what, of]) => `${of} ${what}`)
      .join(', ')}; ${wrong.length} failures of the server.`,
    ...wrong.slice(0, 10).map((failure) => `- ${failure}`),
  ];
  process.stdout.write(`RESULT\n${lines.join('\n')}\n`);
  return wrong.length === 0 && after.descriptors <= before.descriptors + 5 && after.rssMiB <= mostRestMiB;
}

const folder = await mkdtemp(path.join(tmpdir(), 'proofhouse-mixed-'));
try {
  process.exitCode = (await run(folder)) ? 0 : 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
// Exits at once, because an aborted call may still keep a connection open.
process.exit();
