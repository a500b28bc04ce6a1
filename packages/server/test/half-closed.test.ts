// Tests clients that close their connections. If a client half-closes after a complete request, it must get its answer.
// If a client has disconnected, its claim must get no job.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { expect, it, onTestFinished, vi } from 'vitest';
import { forAnyStore } from './support/for-each-store.ts';
import { head, RawConnection, type RawAnswer } from './support/raw-socket.ts';
import type { TestServer, TestWorker } from './support/test-server.ts';

async function opened(t: TestServer, bytes: string): Promise<RawConnection> {
  const connection = await RawConnection.open(await t.listen());
  connection.write(bytes);
  return connection;
}

async function halfClosed(t: TestServer, bytes: string): Promise<RawAnswer | undefined> {
  const connection = await opened(t, bytes);
  connection.socket.end();
  const answer = await connection.answer();
  expect(await connection.ending()).toBe('ended');
  connection.close();
  return answer;
}

function call(worker: Pick<TestWorker, 'token'>, line: string, json?: object): string {
  const body = json === undefined ? '' : JSON.stringify(json);
  const type = json === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': body.length };
  return head(line, { Host: 'localhost', Authorization: `Bearer ${worker.token}`, ...type }) + body;
}

const claimLine = 'POST /api/queue/jobs/claim HTTP/1.1';

forAnyStore('a client that ends its side', (harness) => {
  it('gets the job that it claims, under a lease that it knows', async () => {
    const t = harness();
    const worker = await t.worker({ capabilities: [t.unique('only')] });
    for (const waitSeconds of [0, 20]) {
      const made = await t.enqueue({ priority: 1_000_000 });
      const answer = await halfClosed(t, call(worker, claimLine, { waitSeconds }));
      expect(answer).toMatchObject({ status: 200, json: { job: { id: made.id, status: 'running' } } });
      expect(answer?.json.job.leaseId).toEqual(expect.any(String));
    }
  });

  it('while its claim waits is answered without a job, and the next job is left to others', async () => {
    const t = harness();
    const only = t.unique('only');
    const worker = await t.worker({ capabilities: [only] });
    await t.claim(worker, { waitSeconds: 0 });
    while ((await t.claim(worker, { waitSeconds: 0 })) !== null);
    const looks = vi.spyOn(t.server.store.jobs, 'claim');
    onTestFinished(() => looks.mockRestore());
    const before = looks.mock.calls.length;
    const connection = await opened(t, call(worker, claimLine, { waitSeconds: 30 }));
    await expect.poll(() => looks.mock.calls.length, { interval: 5 }).toBeGreaterThan(before);
    connection.socket.end();
    expect(await connection.answer()).toMatchObject({ status: 200, json: { job: null } });
    expect(await connection.ending()).toBe('ended');
    connection.close();
    const job = await t.enqueue({ requiredCapabilities: [only] });
    t.clock.advance(2000);
    await new Promise((settle) => setImmediate(settle));
    expect((await t.job(job.id)).status).toBe('queued');
  });

  it('and is reset while its claim waits is given no job', async () => {
    const t = harness();
    const only = t.unique('only');
    const worker = await t.worker({ capabilities: [only] });
    while ((await t.claim(worker, { waitSeconds: 0 })) !== null);
    const looks = vi.spyOn(t.server.store.jobs, 'claim');
    onTestFinished(() => looks.mockRestore());
    const before = looks.mock.calls.length;
    const accepted = once(t.server.app.server, 'connection');
    const connection = await opened(t, call(worker, claimLine, { waitSeconds: 30 }));
    const [serverEnd] = (await accepted) as [Socket];
    await expect.poll(() => looks.mock.calls.length, { interval: 5 }).toBeGreaterThan(before);
    connection.socket.resetAndDestroy();
    await expect.poll(() => serverEnd.destroyed, { interval: 5 }).toBe(true);
    const job = await t.enqueue({ requiredCapabilities: [only] });
    t.clock.advance(2000);
    await new Promise((settle) => setImmediate(settle));
    expect((await t.job(job.id)).status).toBe('queued');
  });

  it('reads whole answers, pipelined ones, downloads and streams of jobs that are over', async () => {
    const t = harness();
    const admin = { token: t.server.config.adminToken ?? '' };
    const job = await t.enqueue();
    const artifact = (await t.put(job.id, { name: 'a.bin', file: Buffer.alloc(300_000, 'x') })).json;
    await t.post(`/api/queue/jobs/${job.id}/cancel`);
    const download = `GET /api/queue/jobs/${job.id}/artifacts/${String(artifact.id)}/download HTTP/1.1`;
    const connection = await opened(t, call(admin, `GET /api/queue/jobs/${job.id} HTTP/1.1`) + call(admin, download));
    connection.socket.end();
    expect((await connection.answer())?.json.id).toBe(job.id);
    expect((await connection.answer())?.body).toHaveLength(300_000);
    connection.close();
    const stream = await halfClosed(t, call(admin, `GET /api/queue/jobs/${job.id}/events/stream HTTP/1.1`));
    expect(stream?.body).toContain('event: cancelled');
    const open = await t.enqueue();
    const running = await halfClosed(t, call(admin, `GET /api/queue/jobs/${open.id}/events/stream HTTP/1.1`));
    expect(running?.body).toContain('event: queued');
  });

  it('in the middle of a request is refused, and its connection is closed', async () => {
    const t = harness();
    const whole = call({ token: t.server.config.adminToken ?? '' }, 'POST /api/queue/jobs HTTP/1.1', { type: 'exec' });
    for (const length of [1, 20, whole.indexOf('\r\n\r\n') + 4, whole.length - 1]) {
      const connection = await opened(t, whole.slice(0, length));
      connection.socket.end();
      const answer = await connection.answer();
      if (answer !== undefined) expect(answer.status).toBe(400);
      expect(await connection.ending()).toBe('ended');
      connection.close();
    }
  });
});

forAnyStore('a stream that is over', (harness) => {
  it('answers 204 to a reconnect at its end or past it, and sends what is left before', async () => {
    const t = harness();
    const { id } = await t.enqueue();
    const url = `/api/queue/jobs/${id}/events/stream`;
    await t.post(`/api/queue/jobs/${id}/cancel`);
    const { items } = (await t.get(`/api/queue/jobs/${id}/events`)).json;
    const last = (items as { seq: number }[]).at(-1)?.seq ?? 0;
    for (const seen of [last, last + 1, 1_000_000]) {
      const answer = await t.get(url, 'admin', { 'last-event-id': String(seen) });
      expect(answer).toMatchObject({ status: 204, text: '' });
    }
    const rest = await t.get(url, 'admin', { 'last-event-id': String(last - 1) });
    expect(rest).toMatchObject({ status: 200 });
    expect(rest.text).toContain(`id: ${String(last)}\n`);
    expect((await t.get(`${url}?after=${String(last)}`)).status).toBe(200);
    expect((await t.get(url, null, { 'last-event-id': String(last) })).status).toBe(401);
  });
});
