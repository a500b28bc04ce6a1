// Tests event streams over real sockets: the log of one job, and the hints about all jobs.
import { expect, it, vi } from 'vitest';
import type { JobEvent } from '@proofhouse/core';
import { EventStreamReader, type StreamedItem } from './support/event-stream-reader.ts';
import { forEachStore } from './support/for-each-store.ts';
import { sendRaw, head } from './support/raw-socket.ts';
import { adminToken, startTestServer, type Caller, type TestServer } from './support/test-server.ts';

const unknownJob = '00000000-0000-7000-8000-000000000000';
const hour = 3600;

type Running = Awaited<ReturnType<TestServer['running']>>;

const streamOf = (jobId: string): string => `/api/queue/jobs/${jobId}/events/stream`;

function append(t: TestServer, running: Running, ...messages: string[]) {
  const events = messages.map((message) => ({ message }));
  return t.post(`/api/queue/jobs/${running.job.id}/events`, { events }, running.worker, {
    'proofhouse-lease': running.lease,
  });
}

function complete(t: TestServer, running: Running) {
  return t.post(`/api/queue/jobs/${running.job.id}/complete`, {}, running.worker, {
    'proofhouse-lease': running.lease,
  });
}

const seqsOf = (items: readonly StreamedItem[]): number[] => items.map((item) => Number(item.id));
const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

/** Advances the clock in small steps until the condition is true. Returns how far the clock was advanced, in ms. */
async function asTimePasses(t: TestServer, isSo: () => boolean, stepMs = 500): Promise<number> {
  const before = t.clock.now();
  for (let steps = 0; !isSo(); steps++) {
    if (steps === 2000) throw new Error('it never became so');
    t.clock.advance(stepMs);
    await new Promise((settle) => setTimeout(settle, 2));
  }
  return t.clock.now() - before;
}

const comments = (reader: EventStreamReader): number =>
  reader.waiting.filter((item) => item.comment === 'keep-alive').length;

forEachStore('the stream of a job', (harness) => {
  it('gives the log from the start, then what comes, and ends after the final state', async () => {
    const t = harness();
    const running = await t.running();
    const reader = await EventStreamReader.open(t, streamOf(running.job.id));
    expect(reader.answer.statusCode).toBe(200);
    expect(reader.answer.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
    });
    expect((await reader.take(2)).map((item) => item.event)).toEqual(['queued', 'claimed']);
    // The clock does not advance, so no timer runs. The event arrives only because the server publishes a hint.
    await append(t, running, 'one');
    const [one] = await reader.take(1);
    expect(one).toMatchObject({ id: '3', event: 'note', data: { seq: 3, message: 'one' } });
    await append(t, running, 'two', 'three');
    await complete(t, running);
    expect((await reader.rest()).map((item) => item.event)).toEqual(['note', 'note', 'completed']);
    expect(one?.data).toEqual(((await t.get(`/api/queue/jobs/${running.job.id}/events`)).json.items as JobEvent[])[2]);
  });

  it('of a job that is over gives its log and ends', async () => {
    const t = harness();
    const { id } = await t.enqueue({ requiredCapabilities: ['nobody-has-this'] });
    await t.post(`/api/queue/jobs/${id}/cancel`);
    for (const [query, seqs] of [
      ['', [1, 2, 3]],
      ['?after=2', [3]],
      ['?after=3', []],
      ['?after=99', []],
    ] as const) {
      expect(seqsOf(await (await EventStreamReader.open(t, streamOf(id) + query)).rest())).toEqual(seqs);
    }
  });

  it('starts after the number it is told, by Last-Event-ID before the query', async () => {
    const t = harness();
    const running = await t.running();
    await append(t, running, 'a', 'b', 'c');
    await complete(t, running);
    const from = async (query: string, lastEventId?: string) => {
      const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
      return seqsOf(await (await EventStreamReader.open(t, streamOf(running.job.id) + query, { headers })).rest());
    };
    expect(await from('?after=4')).toEqual([5, 6]);
    expect(await from('', '4')).toEqual([5, 6]);
    expect(await from('?after=1', '4')).toEqual([5, 6]);
    expect(await from('?after=4', '')).toEqual([5, 6]);
  });

  it('refuses what cannot be a place in a log', async () => {
    const t = harness();
    const { id } = await t.enqueue({ requiredCapabilities: ['nobody-has-this'] });
    const ask = (query: string, headers = {}) => t.get(streamOf(id) + query, 'admin', headers);
    expect((await ask('?after=-1')).status).toBe(422);
    expect((await ask('?after=x')).status).toBe(422);
    for (const lastEventId of ['x', '-1', '1.5', '1e99']) {
      expect(await ask('', { 'last-event-id': lastEventId })).toMatchObject({ json: { code: 'invalid_cursor' } });
    }
  });

  it('has no gap and no repetition for a reader that is cut off again and again', async () => {
    const t = harness();
    const running = await t.running();
    const writing = (async () => {
      for (let round = 0; round < 60; round++) await append(t, running, 'x', 'y', 'z');
      await complete(t, running);
    })();
    const got: number[] = [];
    for (let ended = false; !ended;) {
      const reader = await EventStreamReader.open(t, streamOf(running.job.id), {
        headers: got.length === 0 ? {} : { 'last-event-id': String(got.at(-1)) },
      });
      for (let taken = 0; taken < 17 && !ended; taken++) {
        const item = await reader.next();
        if (item === undefined) ended = true;
        else got.push(Number(item.id));
      }
      reader.close();
    }
    await writing;
    expect(got).toEqual(upTo(2 + 180 + 1));
  });

  it('is the same for many readers at once', async () => {
    const t = harness();
    const running = await t.running();
    const readers = await Promise.all(
      Array.from({ length: 20 }, () => EventStreamReader.open(t, streamOf(running.job.id))),
    );
    await Promise.all(Array.from({ length: 10 }, () => append(t, running, 'x', 'y')));
    await complete(t, running);
    for (const reader of readers) expect(seqsOf(await reader.rest())).toEqual(upTo(23));
  });

  it('goes on through a retry that comes before it saw the end, or ends at it', async () => {
    const t = harness();
    const running = await t.running();
    const reader = await EventStreamReader.open(t, streamOf(running.job.id));
    await reader.take(2);
    const lease = { 'proofhouse-lease': running.lease };
    const body = { errorMessage: 'x', retryable: true };
    await t.post(`/api/queue/jobs/${running.job.id}/fail`, body, running.worker, lease);
    expect((await reader.take(2)).map((item) => item.event)).toEqual(['failed', 'retry_scheduled']);
    await t.post(`/api/queue/jobs/${running.job.id}/cancel`);
    expect((await reader.rest()).map((item) => item.event)).toEqual(['cancel_requested', 'cancelled']);
  });

  it('shows an artifact at the latest a second after it was uploaded', async () => {
    const t = harness();
    const running = await t.running({}, hour);
    const reader = await EventStreamReader.open(t, streamOf(running.job.id));
    await reader.take(2);
    await t.put(running.job.id, { name: 'a.txt', as: running.worker });
    await asTimePasses(t, () => reader.waiting.some((item) => item.event === 'artifact_uploaded'));
    reader.close();
  });

  it('says every 15 s that it is alive', async () => {
    const t = harness();
    const running = await t.running({}, hour);
    const reader = await EventStreamReader.open(t, streamOf(running.job.id));
    await reader.take(2);
    const took = await asTimePasses(t, () => comments(reader) === 2);
    expect(took).toBeGreaterThanOrEqual(30_000);
    expect(took).toBeLessThan(45_000);
    expect(reader.ended).toBe(false);
    reader.close();
  });

  it('ends at the next keep-alive once its credential is revoked, and however busy it is', async () => {
    const t = harness();
    for (const busy of [false, true]) {
      const running = await t.running({}, hour);
      const reader = await EventStreamReader.open(t, streamOf(running.job.id), { as: running.worker });
      await reader.take(2);
      expect((await t.post(`/api/queue/workers/tokens/${running.worker.tokenId}/revoke`)).status).toBe(200);
      expect(reader.ended).toBe(false);
      for (let seconds = 0; seconds <= 20; seconds++) {
        t.clock.advance(1000);
        await new Promise((settle) => setTimeout(settle, 5));
        const body = { message: 'still busy', workerId: running.worker.id };
        if (busy) await t.post(`/api/queue/jobs/${running.job.id}/events`, body);
      }
      await expect.poll(() => reader.ended, { interval: 5 }).toBe(true);
      expect(await t.job(running.job.id)).toMatchObject({ status: 'running' });
    }
  });

  it('of a worker ends at the next keep-alive once the job is no longer its own', async () => {
    const t = harness();
    const running = await t.running({}, 5);
    const reader = await EventStreamReader.open(t, streamOf(running.job.id), { as: running.worker });
    await reader.take(2);
    await asTimePasses(t, () => reader.ended);
    expect(await t.job(running.job.id)).toMatchObject({ status: 'queued' });
  });

  it('is refused before it opens: unknown job, other worker, nobody', async () => {
    const t = harness();
    const running = await t.running();
    const other = await t.worker();
    const ask = (jobId: string, as: Caller) => t.get(streamOf(jobId), as);
    expect(await ask(unknownJob, 'admin')).toMatchObject({ status: 404, json: { code: 'job_not_found' } });
    expect(await ask('no-id', 'admin')).toMatchObject({ status: 404 });
    expect(await ask(running.job.id, other)).toMatchObject({ status: 403, json: { code: 'forbidden' } });
    expect((await ask(running.job.id, null)).status).toBe(401);
  });

  it('is not waited for by HEAD', async () => {
    const t = harness();
    const running = await t.running();
    for (const path of [streamOf(running.job.id), '/api/queue/events/stream']) {
      const headers = { host: 'localhost', authorization: `Bearer ${adminToken}`, connection: 'close' };
      const answer = await sendRaw(await t.listen(), head(`HEAD ${path} HTTP/1.1`, headers));
      expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/event-stream; charset=utf-8']);
    }
  });

  it('costs nothing any more when its reader has gone', async () => {
    const t = harness();
    const running = await t.running({}, hour);
    const looks = vi.spyOn(t.server.store.jobs, 'find');
    const seen = (): number => looks.mock.calls.filter(([jobId]) => jobId === running.job.id).length;
    const readers = await Promise.all([1, 2, 3].map(() => EventStreamReader.open(t, streamOf(running.job.id))));
    for (const reader of readers) await reader.take(2);
    const before = seen();
    await asTimePasses(t, () => seen() > before + 6);
    for (const reader of readers) reader.close();
    let last = -1;
    await expect
      .poll(
        () => {
          const same = seen() === last;
          last = seen();
          t.clock.advance(2000);
          return same;
        },
        { interval: 30 },
      )
      .toBe(true);
    looks.mockRestore();
  });

  it('is read ahead only so far for a reader that does not read, which holds nobody up and misses nothing', async () => {
    const t = harness();
    const running = await t.running({}, hour);
    const reads = vi.spyOn(t.server.store.jobs, 'events');
    const slow = await EventStreamReader.open(t, streamOf(running.job.id), { reading: false });
    slow.answer.pause();
    const events = Array.from({ length: 100 }, () => ({ message: 'x'.repeat(1000), payload: { a: 'y'.repeat(1300) } }));
    const calls = 110;
    for (let round = 0; round < calls; round++) {
      const answer = await t.post(`/api/queue/jobs/${running.job.id}/events`, { events }, running.worker);
      expect(answer.status).toBe(201);
    }
    await complete(t, running);
    const last = 2 + calls * 100 + 1;
    // The event stream contains 27 MB in total. While the client does not read, the server must stop reading events
    // from the store. So most events must not be in memory.
    const readTo = (): number => Math.max(...reads.mock.calls.map(([, after]) => after));
    let before = -1;
    const stands = (): boolean => {
      const stood = before === readTo();
      before = readTo();
      return stood;
    };
    await expect.poll(stands, { interval: 200 }).toBe(true);
    expect(readTo()).toBeLessThan(last - 200);
    const fast = await EventStreamReader.open(t, streamOf(running.job.id));
    expect(seqsOf(await fast.rest())).toEqual(upTo(last));
    expect(slow.ended).toBe(false);
    slow.read();
    slow.answer.resume();
    expect(seqsOf(await slow.rest())).toEqual(upTo(last));
    reads.mockRestore();
  }, 60_000);
});

forEachStore('the stream of hints', (harness) => {
  const path = '/api/queue/events/stream';

  it('says of every change which job, how far and in which state, and nothing else', async () => {
    const t = harness();
    const reader = await EventStreamReader.open(t, path);
    expect(reader.answer.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    const running = await t.running();
    await append(t, running, 'secret words');
    await t.post(`/api/queue/jobs/${running.job.id}/cancel`);
    await t.post(`/api/queue/jobs/${running.job.id}/cancel/ack`, {}, running.worker);
    const got = await reader.take(5);
    const { id: jobId } = running.job;
    expect(got).toEqual(
      [
        { jobId, seq: 1, status: 'queued' },
        { jobId, seq: 2, status: 'running' },
        { jobId, seq: 3, status: 'running' },
        { jobId, seq: 4, status: 'running' },
        { jobId, seq: 5, status: 'cancelled' },
      ].map((data) => ({ event: 'hint', data })),
    );
    reader.close();
  });

  it('has no past: neither what was before nor a place to resume from', async () => {
    const t = harness();
    await t.enqueue({ requiredCapabilities: ['nobody-has-this'] });
    const reader = await EventStreamReader.open(t, path, { headers: { 'last-event-id': '0' } });
    const { id } = await t.enqueue({ requiredCapabilities: ['nobody-has-this'] });
    expect((await reader.take(1))[0]?.data).toMatchObject({ jobId: id });
    reader.close();
  });

  it('tells of a lease that passed', async () => {
    const t = harness();
    const { job } = await t.running({}, 10);
    const reader = await EventStreamReader.open(t, path);
    t.clock.advance(10_000);
    await t.server.jobs.sweep();
    const saw = () => reader.waiting.some((item) => item.data?.jobId === job.id && item.data?.status === 'queued');
    await expect.poll(saw, { interval: 5 }).toBe(true);
    reader.close();
  });

  it('says every 15 s that it is alive, also when there is always something to tell', async () => {
    const t = harness();
    const reader = await EventStreamReader.open(t, path);
    await asTimePasses(t, () => comments(reader) > 0);
    const before = comments(reader);
    for (let seconds = 0; seconds < 20; seconds++) {
      await t.enqueue({ requiredCapabilities: ['nobody-has-this'] });
      t.clock.advance(1000);
    }
    await expect.poll(() => comments(reader), { interval: 5 }).toBeGreaterThan(before);
    reader.close();
  });

  it('is nothing for workers, nor for nobody', async () => {
    const t = harness();
    const { worker } = await t.running();
    expect(await t.get(path, worker)).toMatchObject({ status: 403, json: { code: 'forbidden' } });
    expect((await t.get(path, null)).status).toBe(401);
  });
});

it('streams end when the server stops, and do not keep it', async () => {
  const t = await startTestServer({ store: 'sqlite' });
  const running = await t.running();
  const readers = await Promise.all([
    EventStreamReader.open(t, streamOf(running.job.id)),
    EventStreamReader.open(t, '/api/queue/events/stream'),
  ]);
  await t.close();
  expect((await readers[0].rest()).map((item) => item.event)).toEqual(['queued', 'claimed']);
  expect(await readers[1].rest()).toEqual([]);
});

it('a reader that never reads does not keep the server from stopping', async () => {
  const t = await startTestServer({ store: 'sqlite' });
  const running = await t.running({}, hour);
  const reads = vi.spyOn(t.server.store.jobs, 'events');
  const stuck = await EventStreamReader.open(t, streamOf(running.job.id), { reading: false });
  stuck.answer.pause();
  const events = Array.from({ length: 100 }, () => ({ message: 'x'.repeat(1000), payload: { a: 'y'.repeat(1300) } }));
  for (let calls = 0; calls < 80; calls++) {
    await t.post(`/api/queue/jobs/${running.job.id}/events`, { events }, running.worker);
  }
  let before = -1;
  const stands = (): boolean => {
    const stood = before === reads.mock.calls.length;
    before = reads.mock.calls.length;
    return stood;
  };
  await expect.poll(stands, { interval: 200 }).toBe(true);
  expect(reads.mock.lastCall?.[1]).toBeLessThan(7000);
  const begun = performance.now();
  await t.close();
  expect(performance.now() - begun).toBeLessThan(5000);
  stuck.close();
});
