import type { AppError, JobEvent } from '@proofhouse/core';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ProofhouseClient, type ClientOptions } from './index.ts';
import { FakeServer, refuse } from './testing/fake-server.ts';

async function setUp(options: Partial<ClientOptions> = {}) {
  const server = await FakeServer.start();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const retry = { baseDelayMs: 1, maxDelayMs: 5 };
  const client = new ProofhouseClient({ url: server.url, token: 'phw_secret', retry, ...options });
  const job = server.addJob();
  const note = (message: string) => server.log.append(server.job(job.id), { kind: 'note', message });
  const end = () => {
    server.jobs.set(job.id, { ...server.job(job.id), status: 'succeeded' });
    server.log.append(server.job(job.id), { kind: 'completed', message: 'Completed.' });
  };
  return { server, client, job, note, end };
}

async function collect(events: AsyncIterable<JobEvent>, onEvent: (seq: number) => void = () => undefined) {
  const seqs: number[] = [];
  for await (const { seq } of events) {
    seqs.push(seq);
    onEvent(seq);
  }
  return seqs;
}

describe('the log of a job', () => {
  test('is written one note or many at a time, under the lease and with a key', async () => {
    const { server, client, job } = await setUp();
    const { leaseId } = (await client.jobs.claim())!;
    expect(await client.jobs.note(job.id, leaseId, { message: 'one' })).toMatchObject([{ seq: 1, level: 'info' }]);
    const two = [{ message: 'two', level: 'warn' as const, payload: { n: 2 } }, { message: 'three' }];
    expect(await client.jobs.note(job.id, leaseId, two)).toMatchObject([{ seq: 2, payload: { n: 2 } }, { seq: 3 }]);
    const [request] = server.requestsOf('appendEvents');
    expect(request?.headers['proofhouse-lease']).toBe(leaseId);
    expect(request?.headers['idempotency-key']).toBeDefined();
  });

  test('is read in pages, and up to now', async () => {
    const { client, job, note, end } = await setUp();
    for (let count = 0; count < 7; count += 1) note('x');
    expect(await client.jobs.events(job.id, { after: 2, limit: 2 })).toMatchObject({
      items: [{ seq: 3 }, { seq: 4 }],
      nextCursor: '4',
    });
    expect(await collect(client.jobs.eachEvent(job.id, { limit: 3 }))).toEqual([1, 2, 3, 4, 5, 6, 7]);
    end();
    expect((await client.jobs.events(job.id, { after: 7 })).nextCursor).toBeNull();
  });
});

describe('following a job', () => {
  test('tells every event once and ends with the job', async () => {
    const { client, job, note, end } = await setUp();
    note('before');
    const seen = collect(client.jobs.followEvents(job.id), (seq) => {
      if (seq === 1) note('while');
      if (seq === 2) end();
    });
    expect(await seen).toEqual([1, 2, 3]);
    expect(await collect(client.jobs.followEvents(job.id, { after: 2 }))).toEqual([3]);
  });

  test('goes on where it broke, whether the line broke or the server stopped', async () => {
    const { server, client, job, note, end } = await setUp();
    const broken: AppError[] = [];
    note('1');
    const onBroken = (error: AppError) => void broken.push(error);
    const seqs = await collect(client.jobs.followEvents(job.id, { onBroken }), (seq) => {
      if (seq === 1) server.log.breakStreams();
      if (seq === 2) server.log.endStreams();
      if (seq < 5) note('next');
      if (seq === 4) end();
    });
    expect(seqs).toEqual([1, 2, 3, 4, 5, 6]);
    expect(broken.map((error) => error.code)).toEqual(['unavailable', 'unavailable']);
    const resumed = server.requestsOf('streamEvents').map((request) => request.headers['last-event-id']);
    expect(resumed[0]).toBeUndefined();
    expect(resumed.slice(1).every((id) => Number(id) >= 1)).toBe(true);
  });

  test('waits with growing pauses for a server that it has reached before', async () => {
    const { server, client, job, note, end } = await setUp();
    const delays: number[] = [];
    note('1');
    let away = 0;
    server.interfere = (operation, _request, response) =>
      operation === 'streamEvents' &&
      server.log.of(job.id).length > 1 &&
      (away += 1) <= 8 &&
      refuse(response, 'too_busy');
    const seqs = collect(
      client.jobs.followEvents(job.id, { onBroken: (_error, delayMs) => delays.push(delayMs) }),
      (seq) => {
        if (seq !== 1) return;
        server.log.breakStreams();
        end();
      },
    );
    expect(await seqs).toEqual([1, 2]);
    // A call is tried at most 4 times in this test. Reopening a stream has no such limit once it was open.
    expect(away).toBeGreaterThan(8);
    expect(delays.length).toBeGreaterThan(8);
  });

  test.each(['unauthenticated', 'forbidden', 'job_not_found'] as const)(
    '%s is thrown, not tried again',
    async (code) => {
      const { server, client, job } = await setUp();
      let asked = 0;
      server.interfere = (_operation, _request, response) => {
        asked += 1;
        return refuse(response, code);
      };
      await expect(collect(client.jobs.followEvents(job.id))).rejects.toMatchObject({ code });
      expect(asked).toBe(1);
    },
  );

  test('a credential that is revoked meanwhile is thrown too', async () => {
    const { server, client, job, note } = await setUp();
    note('1');
    const seqs = collect(client.jobs.followEvents(job.id), () => {
      server.interfere = (_operation, _request, response) => refuse(response, 'unauthenticated');
      server.log.endStreams();
    });
    await expect(seqs).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  test('gives up a server that was never reached', async () => {
    const client = new ProofhouseClient({ url: 'http://127.0.0.1:1', retry: { tries: 2, baseDelayMs: 1 } });
    await expect(collect(client.jobs.followEvents('job-1'))).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('refuses what is no stream, and events it does not understand', async () => {
    const { server, client, job } = await setUp();
    server.interfere = (_operation, _request, response) => Boolean(response.writeHead(200).end('<html>'));
    await expect(collect(client.jobs.followEvents(job.id))).rejects.toMatchObject({ code: 'unsupported' });
    const type = { 'content-type': 'text/event-stream' };
    server.interfere = (_operation, _request, response) => Boolean(response.writeHead(200, type).end('data: {}\n\n'));
    await expect(collect(client.jobs.followEvents(job.id))).rejects.toMatchObject({ code: 'unsupported' });
    const endless = `data: ${'x'.repeat(1_100_000)}`;
    server.interfere = (_operation, _request, response) => Boolean(response.writeHead(200, type).end(endless));
    await expect(collect(client.jobs.followEvents(job.id))).rejects.toMatchObject({ code: 'unsupported' });
  });

  test('events cut anywhere are put together again', async () => {
    const { server, client, job, end } = await setUp();
    end();
    const event = { ...server.log.of(job.id)[0], message: 'größe 🎉' };
    const bytes = Buffer.from(`: open\r\n\r\nid: 1\r\nevent: completed\r\ndata: ${JSON.stringify(event)}\r\n\r\n`);
    server.interfere = (operation, _request, response) => {
      if (operation !== 'streamEvents') return false;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const byte of bytes) response.write(Buffer.from([byte]));
      return Boolean(response.end());
    };
    const messages: string[] = [];
    for await (const { message } of client.jobs.followEvents(job.id)) messages.push(message);
    expect(messages).toEqual(['größe 🎉']);
  });

  test('ends with the reason of the signal, or when nobody asks for more; then the line is hung up', async () => {
    const { server, client, job, note } = await setUp();
    note('1');
    const stop = new AbortController();
    const seqs = collect(client.jobs.followEvents(job.id, { signal: stop.signal }), () =>
      stop.abort(new Error('enough')),
    );
    await expect(seqs).rejects.toThrow('enough');
    for await (const event of client.jobs.followEvents(job.id)) {
      expect(event.seq).toBe(1);
      break;
    }
    await vi.waitFor(() => expect(server.log.followers).toBe(0));
  });
});

describe('hints', () => {
  test('say which job changed, and to look again at first, after a gap, and when there was too much', async () => {
    const { server, client, job, note } = await setUp();
    const received: unknown[] = [];
    for await (const hint of client.jobs.followHints()) {
      received.push(hint === 'look-again' ? hint : hint.seq);
      if (received.length === 1) note('1');
      if (received.length === 2) server.log.tellMuch();
      if (received.length === 3) server.log.breakStreams();
      if (received.length === 4) note('2');
      if (received.length === 5) break;
    }
    expect(received).toEqual(['look-again', 1, 'look-again', 'look-again', 2]);
    expect(server.log.of(job.id)).toHaveLength(2);
  });
});

describe('decisions about jobs', () => {
  test('cancelling, acknowledging, retrying and explaining', async () => {
    const { server, client, job } = await setUp();
    const { leaseId } = (await client.jobs.claim())!;
    const asked = await client.jobs.cancel(job.id, { reason: 'not needed' });
    expect(asked).toMatchObject({ status: 'running', cancelReason: 'not needed' });
    expect((await client.jobs.ack(job.id, leaseId, { message: 'stopped' })).status).toBe('cancelled');
    expect(server.requestsOf('ackCancel')[0]?.headers['proofhouse-lease']).toBe(leaseId);
    expect(await client.jobs.retry(job.id)).toMatchObject({ status: 'queued', attempt: 2 });
    expect(await client.jobs.why(job.id)).toMatchObject({ jobId: job.id, unmet: ['type:exec'] });
  });

  test('cancelling is repeated when its answer is lost, retrying is not', async () => {
    const { server, client, job } = await setUp();
    const asked: string[] = [];
    server.interfere = (operation, request) => {
      asked.push(operation);
      if (asked.length === 1 || operation === 'retryJob') request.socket.destroy();
      return asked.length === 1 || operation === 'retryJob';
    };
    expect((await client.jobs.cancel(job.id)).status).toBe('cancelled');
    await expect(client.jobs.retry(job.id)).rejects.toMatchObject({ code: 'unavailable' });
    expect(asked).toEqual(['cancelJob', 'cancelJob', 'retryJob']);
  });

  test('many jobs are claimed and completed at once, each by itself', async () => {
    const { server, client } = await setUp();
    server.addJob();
    server.addJob();
    const jobs = await client.jobs.claimMany({ maxJobs: 2 });
    expect(jobs).toHaveLength(2);
    server.takeAway(jobs[1]!.id);
    const results = await client.jobs.completeMany(
      jobs.map(({ id, leaseId }) => ({ jobId: id, lease: leaseId, resultSummary: 'fine' })),
    );
    expect(results).toMatchObject([{ job: { status: 'succeeded' } }, { error: { code: 'lease_lost' } }]);
    expect(await client.jobs.claimMany({ maxJobs: 5 })).toHaveLength(1);
    expect(await client.jobs.claimMany({ maxJobs: 5 })).toEqual([]);
  });

  test('workers that were seen are listed', async () => {
    const { server, client } = await setUp();
    const worker = {
      lastSeenAt: '2026-01-01T00:00:00.000Z',
      capabilities: ['linux'],
      allowedTypes: null,
      version: null,
    };
    for (const workerId of ['a', 'b', 'c']) server.workers.push({ ...worker, workerId, holds: [] });
    expect((await client.workers.list({ limit: 2 })).items).toHaveLength(2);
    const ids: string[] = [];
    for await (const { workerId } of client.workers.each({ limit: 2 })) ids.push(workerId);
    expect(ids).toEqual(['a', 'b', 'c']);
  });
});
