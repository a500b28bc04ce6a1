// Tests the event log of a job. The server and the lease holder append events. The events are numbered without gaps and
// are read by cursor.
import { expect, it } from 'vitest';
import type { JobEvent } from '@proofhouse/core';
import { forEachStore } from './support/for-each-store.ts';
import type { Answer, Caller, TestServer } from './support/test-server.ts';

const unknownJob = '00000000-0000-7000-8000-000000000000';

type Running = Awaited<ReturnType<TestServer['running']>>;

async function logOf(t: TestServer, jobId: string, as: Caller = 'admin'): Promise<JobEvent[]> {
  return (await t.get(`/api/queue/jobs/${jobId}/events?limit=500`, as)).json.items as JobEvent[];
}

async function kindsOf(t: TestServer, jobId: string): Promise<string[]> {
  return (await logOf(t, jobId)).map((event) => event.kind);
}

function append(t: TestServer, running: Running, json: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  return t.post(`/api/queue/jobs/${running.job.id}/events`, json, running.worker, {
    'proofhouse-lease': running.lease,
    ...headers,
  });
}

function expectGapless(events: readonly JobEvent[]): void {
  expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
}

forEachStore('a holder that writes events', (harness) => {
  it('writes one, and is told its number', async () => {
    const t = harness();
    const running = await t.running();
    const answer = await append(t, running, { level: 'warn', message: 'half way', payload: { percent: 50 } });
    const event = {
      jobId: running.job.id,
      seq: 3,
      kind: 'note',
      category: 'work',
      level: 'warn',
      message: 'half way',
      payload: { percent: 50 },
      createdAt: new Date(t.clock.now()).toISOString(),
    };
    expect([answer.status, answer.json]).toEqual([201, { events: [event] }]);
    expect((await logOf(t, running.job.id)).at(-1)).toEqual(event);
  });

  it('writes info unless it says another level, and needs no payload', async () => {
    const t = harness();
    const running = await t.running();
    expect((await append(t, running, { message: 'one' })).json.events[0]).toMatchObject({ level: 'info' });
    const many = await append(t, running, { events: [{ message: 'two', payload: null }, { message: 'three' }] });
    expect(many.json.events).toMatchObject([{ level: 'info' }, { level: 'info' }]);
    expect(many.json.events[0]).not.toHaveProperty('payload');
  });

  it('writes up to 100 in their order, numbered without gaps', async () => {
    const t = harness();
    const running = await t.running();
    const events = Array.from({ length: 100 }, (_, index) => ({ message: `line ${String(index)}` }));
    const answer = await append(t, running, { events });
    expect(answer.status).toBe(201);
    const written = (await logOf(t, running.job.id)).slice(2);
    expect(written).toEqual(answer.json.events);
    expect(written.map((event) => event.message)).toEqual(events.map((event) => event.message));
    expectGapless(await logOf(t, running.job.id));
  });

  it.each<[string, unknown, string]>([
    ['101', { events: Array.from({ length: 101 }, () => ({ message: 'x' })) }, 'events'],
    ['none', { events: [] }, 'events'],
    ['one and many', { message: 'x', events: [{ message: 'x' }] }, 'events'],
    ['nothing at all', {}, 'events'],
    ['a blank message', { message: '' }, 'message'],
    ['an unknown level', { message: 'x', level: 'debug' }, 'level'],
    ['a payload that is no object', { message: 'x', payload: [1] }, 'payload'],
    ['an unknown field', { message: 'x', kind: 'completed' }, 'kind'],
    ['a message of 2049 bytes', { message: 'x'.repeat(2049) }, 'message'],
    ['a message of 2049 bytes in fewer characters', { message: `${'é'.repeat(1024)}x` }, 'message'],
    ['a payload of 4097 bytes', { message: 'x', payload: { a: 'x'.repeat(4097 - 8) } }, 'payload'],
    ['a second that is too large', { events: [{ message: 'x' }, { message: 'x'.repeat(2049) }] }, 'events.1.message'],
    [
      'more than 256 KiB together',
      { events: Array.from({ length: 50 }, () => ({ message: 'x'.repeat(2000), payload: { a: 'x'.repeat(4000) } })) },
      'events',
    ],
  ])('is refused %s with 422, and nothing is written', async (_, json, path) => {
    const t = harness();
    const running = await t.running();
    expect(await append(t, running, json)).toMatchObject({ status: 422, json: { errors: [{ path }] } });
    expect(await logOf(t, running.job.id)).toHaveLength(2);
  });

  it('may write a message of exactly 2048 bytes and a payload of exactly 4096', async () => {
    const t = harness();
    const running = await t.running();
    const event = { message: 'é'.repeat(1024), payload: { a: 'x'.repeat(4096 - 8) } };
    expect((await append(t, running, event)).status).toBe(201);
    expect((await logOf(t, running.job.id)).at(-1)).toMatchObject(event);
  });

  it('may write whatever JSON can say', async () => {
    const t = harness();
    const running = await t.running();
    const payload = { 'a\u0000b': '\u0000', deep: { list: [1, null, { é: '😀' }] } };
    expect((await append(t, running, { message: 'a\u0000b', payload })).status).toBe(201);
    const event = (await logOf(t, running.job.id)).at(-1);
    expect(event?.message).toBe('a\ufffdb');
    expect(event?.payload?.['deep']).toEqual(payload.deep);
    // A lone surrogate is refused, because the server could not return it unchanged (RFC 7493).
    for (const lone of [{ message: 'b\ud800' }, { message: 'b', payload: { lone: '\ud800' } }]) {
      expect((await append(t, running, lone)).status).toBe(422);
    }
  });

  it('is fenced as every write of a worker is', async () => {
    const t = harness();
    const running = await t.running();
    const other = await t.worker();
    const queued = await t.enqueue({ requiredCapabilities: ['nobody-has-this'] });
    const to = (jobId: string, worker: Caller, lease?: string, more: object = {}) =>
      t.post(`/api/queue/jobs/${jobId}/events`, { message: 'x', ...more }, worker, { 'proofhouse-lease': lease });
    const code = async (answer: Promise<Answer>): Promise<string> => (await answer).json.code as string;
    const { id } = running.job;
    expect(await code(to(unknownJob, running.worker, undefined, { workerId: 'else' }))).toBe('worker_not_authorized');
    expect(await code(to(unknownJob, running.worker, 'any'))).toBe('job_not_found');
    expect(await code(to('no-id', running.worker, 'any'))).toBe('job_not_found');
    expect(await code(to(queued.id, running.worker, 'any'))).toBe('lease_lost');
    expect(await code(to(id, running.worker, 'any'))).toBe('lease_lost');
    expect(await code(to(id, other, running.lease))).toBe('lease_lost');
    expect(await code(to(queued.id, running.worker))).toBe('job_state_conflict');
    expect(await code(to(id, other))).toBe('job_ownership_mismatch');
    expect((await to(id, running.worker, running.lease, { leaseId: 'another' })).status).toBe(422);
    expect((await to(id, null)).status).toBe(401);
    expect(await logOf(t, id)).toHaveLength(2);
    expect((await to(id, running.worker)).status).toBe(201);
    expect((await to(id, running.worker, undefined, { leaseId: running.lease })).status).toBe(201);
  });

  it('writes nothing once its lease passed, or the job ended a minute ago', async () => {
    const t = harness();
    const late = await t.running({}, 1);
    const done = await t.running();
    await t.post(`/api/queue/jobs/${done.job.id}/complete`, {}, done.worker, { 'proofhouse-lease': done.lease });
    t.clock.advance(60_001);
    for (const running of [late, done]) {
      const key = { 'idempotency-key': t.unique('key') };
      expect(await append(t, running, { message: 'late' }, key)).toMatchObject({
        status: 409,
        json: { code: 'lease_lost' },
      });
      expect(await kindsOf(t, running.job.id)).not.toContain('note');
    }
  });

  it('under a repeated key writes once, and is told the first events with 200, even after its lease', async () => {
    const t = harness();
    const running = await t.running({}, 10);
    const key = { 'idempotency-key': t.unique('key') };
    const json = { events: [{ message: 'one' }, { message: 'two', payload: { a: 1 } }] };
    const first = await append(t, running, json, key);
    await append(t, running, { message: 'between' });
    expect(first.status).toBe(201);
    expect(await append(t, running, json, key)).toMatchObject({ status: 200, json: first.json });
    expect(await append(t, running, { message: 'other' }, key)).toMatchObject({
      status: 409,
      json: { code: 'idempotency_conflict' },
    });
    t.clock.advance(10_000);
    expect(await append(t, running, json, key)).toMatchObject({ status: 200, json: first.json });
    const notes = (await logOf(t, running.job.id)).filter((event) => event.kind === 'note');
    expect(notes.map((event) => event.message)).toEqual(['one', 'two', 'between']);
  });

  it('under one key on two jobs is a conflict, and a refused call leaves its key unused', async () => {
    const t = harness();
    const capability = t.unique('only');
    const worker = await t.worker({ capabilities: [capability] });
    await Promise.all([1, 2].map(() => t.enqueue({ requiredCapabilities: [capability] })));
    const one = await t.claim(worker);
    const two = await t.claim(worker);
    const key = { 'idempotency-key': t.unique('key') };
    const to = (jobId = '', lease = '') =>
      t.post(`/api/queue/jobs/${jobId}/events`, { message: 'x' }, worker, { 'proofhouse-lease': lease, ...key });
    expect((await to(one?.id, 'not-its-lease')).json.code).toBe('lease_lost');
    expect((await to(one?.id, one?.leaseId)).status).toBe(201);
    expect((await to(two?.id, two?.leaseId)).json.code).toBe('idempotency_conflict');
  });

  it('ten times at once under one key writes once', async () => {
    const t = harness();
    const running = await t.running();
    const key = { 'idempotency-key': t.unique('key') };
    const answers = await Promise.all(Array.from({ length: 10 }, () => append(t, running, { message: 'once' }, key)));
    expect(new Set(answers.map((answer) => answer.text)).size).toBe(1);
    expect(await kindsOf(t, running.job.id)).toEqual(['queued', 'claimed', 'note']);
  });
});

forEachStore('the log of a job', (harness) => {
  it('has no gap and no repetition under appends, uploads, heartbeats and the end, all at once', async () => {
    const t = harness();
    const running = await t.running();
    const { id } = running.job;
    const lease = { 'proofhouse-lease': running.lease };
    const answers = await Promise.all([
      ...Array.from({ length: 12 }, (_, index) =>
        append(t, running, { events: Array.from({ length: index + 1 }, () => ({ message: String(index) })) }),
      ),
      ...Array.from({ length: 6 }, (_, index) =>
        t.put(id, { name: `file-${String(index)}`, as: running.worker, headers: lease }),
      ),
      ...Array.from({ length: 4 }, () => t.post(`/api/queue/jobs/${id}/heartbeat`, {}, running.worker, lease)),
    ]);
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([200, 201]));
    const [end, ...late] = await Promise.all([
      t.post(`/api/queue/jobs/${id}/complete`, {}, running.worker, lease),
      ...Array.from({ length: 6 }, () => append(t, running, { message: 'late' })),
    ]);
    expect(end.status).toBe(200);
    const log = await logOf(t, id);
    expectGapless(log);
    // The worker that ended a job may still append events for some time. So these calls succeed, whether they arrive
    // before or after the end of the job.
    expect(new Set(late.map((answer) => answer.status))).toEqual(new Set([201]));
    expect(log.filter((event) => event.message === 'late')).toHaveLength(late.length);
    expect(log).toHaveLength(2 + 78 + 6 + late.length + 1);
    expect(log.filter((event) => event.kind === 'completed')).toHaveLength(1);
    // The events of one call have consecutive numbers.
    for (const answer of answers.slice(0, 12)) {
      const seqs = (answer.json.events as JobEvent[]).map((event) => event.seq);
      expect(seqs).toEqual(seqs.map((_, index) => (seqs[0] ?? 0) + index));
    }
  });

  it('is read by cursor: each event once, null only at the end of a final job', async () => {
    const t = harness();
    const running = await t.running();
    const { id } = running.job;
    await append(t, running, { events: Array.from({ length: 5 }, (_, index) => ({ message: String(index) })) });
    const seen: number[] = [];
    let cursor: string | null = '0';
    const poll = async (): Promise<number> => {
      const answer = await t.get(`/api/queue/jobs/${id}/events?limit=3&after=${String(cursor)}`);
      seen.push(...(answer.json.items as JobEvent[]).map((event) => event.seq));
      cursor = answer.json.nextCursor as string | null;
      return (answer.json.items as JobEvent[]).length;
    };
    expect([await poll(), await poll(), await poll(), await poll()]).toEqual([3, 3, 1, 0]);
    expect(cursor).toBe('7');
    await append(t, running, { message: 'more' });
    expect(await poll()).toBe(1);
    await t.post(`/api/queue/jobs/${id}/complete`, {}, running.worker, { 'proofhouse-lease': running.lease });
    expect(cursor).not.toBeNull();
    expect(await poll()).toBe(1);
    expect(cursor).toBeNull();
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('of a final job whose page is just full has a null cursor too', async () => {
    const t = harness();
    const { id } = await t.enqueue({ requiredCapabilities: ['nobody-has-this'] });
    await t.post(`/api/queue/jobs/${id}/cancel`);
    const read = (query: string) => t.get(`/api/queue/jobs/${id}/events?${query}`);
    expect((await read('limit=3')).json).toMatchObject({ items: [{}, {}, {}], nextCursor: null });
    expect((await read('limit=2')).json.nextCursor).toBe('2');
    expect((await read('after=3')).json).toEqual({ items: [], nextCursor: null });
    expect((await read('after=99')).json).toEqual({ items: [], nextCursor: null });
  });

  it('is read newest first, from the end or from before a number, to the first event', async () => {
    const t = harness();
    const running = await t.running();
    const { id } = running.job;
    await append(t, running, { events: Array.from({ length: 5 }, (_, index) => ({ message: String(index) })) });
    const read = async (query: string) => {
      const { items, nextCursor } = (await t.get(`/api/queue/jobs/${id}/events?${query}`)).json;
      return [(items as JobEvent[]).map((event) => event.seq), nextCursor] as const;
    };
    expect(await read('sort=desc&limit=3')).toEqual([[7, 6, 5], '5']);
    expect(await read('sort=desc&limit=3&before=5')).toEqual([[4, 3, 2], '2']);
    expect(await read('sort=desc&limit=3&before=2')).toEqual([[1], null]);
    expect(await read('sort=desc&before=1')).toEqual([[], null]);
    expect(await read('sort=desc&limit=1&before=2')).toEqual([[1], null]);
    expect(await read('sort=desc&before=99')).toEqual([[7, 6, 5, 4, 3, 2, 1], null]);
    expect(await read('sort=desc&after=3&before=6')).toEqual([[5, 4], null]);
    expect(await read('sort=asc&after=3&before=6')).toEqual([[4, 5], null]);
    expect(await read('after=3&before=7&limit=2')).toEqual([[4, 5], '5']);
    expect(await read('limit=2&sort=asc')).toEqual([[1, 2], '2']);
  });

  it.each([
    ['sort=down'],
    ['before=0'],
    ['before=x'],
    ['before=-1'],
    ['after=-1'],
    ['after=1.5'],
    ['after=x'],
    ['limit=0'],
    ['limit=501'],
    ['limit=x'],
    ['nonsense=1'],
  ])('refuses ?%s with 422', async (query) => {
    const t = harness();
    const { id } = await t.enqueue({ requiredCapabilities: ['nobody-has-this'] });
    expect((await t.get(`/api/queue/jobs/${id}/events?${query}`)).status).toBe(422);
  });

  it('is read by its holder, operators and the admin, and by no other worker', async () => {
    const t = harness();
    const running = await t.running();
    const other = await t.worker();
    expect(await logOf(t, running.job.id, running.worker)).toHaveLength(2);
    const read = (as: Caller, jobId = running.job.id) => t.get(`/api/queue/jobs/${jobId}/events`, as);
    expect(await read(other)).toMatchObject({ status: 403, json: { code: 'forbidden' } });
    expect((await read(null)).status).toBe(401);
    expect((await read('admin', unknownJob)).json.code).toBe('job_not_found');
    await t.post(`/api/queue/jobs/${running.job.id}/complete`, {}, running.worker);
    expect((await read(running.worker)).status).toBe(403);
  });
});

forEachStore('the server’s own events', (harness) => {
  const write = (running: Running, verb: string, json: object = {}) =>
    harness().post(`/api/queue/jobs/${running.job.id}/${verb}`, json, running.worker, {
      'proofhouse-lease': running.lease,
    });
  const endOfLease = async (fields: object = {}, cancel = false): Promise<string> => {
    const t = harness();
    const { job } = await t.running(fields, 10);
    if (cancel) await t.post(`/api/queue/jobs/${job.id}/cancel`);
    t.clock.advance(10_000);
    await t.server.jobs.sweep();
    await expect.poll(async () => (await t.job(job.id)).status, { interval: 5 }).not.toBe('running');
    return job.id;
  };

  it('tell of a job that is queued, claimed, given an artifact and completed, and of no heartbeat', async () => {
    const t = harness();
    const running = await t.running();
    for (let beat = 0; beat < 5; beat++) await write(running, 'heartbeat');
    await t.upload(running.job.id, { name: 'a.txt', as: running.worker });
    await write(running, 'heartbeat');
    await write(running, 'complete');
    const log = await logOf(t, running.job.id);
    expect(log.map((event) => event.kind)).toEqual(['queued', 'claimed', 'artifact_uploaded', 'completed']);
    expectGapless(log);
    expect(log[1]).toMatchObject({ payload: { workerId: running.worker.id } });
    expect(JSON.stringify(log)).not.toContain(running.lease);
  });

  it('tell of a failure, for good, to be retried, and the last', async () => {
    const t = harness();
    const forGood = await t.running();
    await write(forGood, 'fail', { errorMessage: 'x' });
    expect(await kindsOf(t, forGood.job.id)).toEqual(['queued', 'claimed', 'failed']);
    const again = await t.running();
    await write(again, 'fail', { errorMessage: 'x', retryable: true });
    expect(await kindsOf(t, again.job.id)).toEqual(['queued', 'claimed', 'failed', 'retry_scheduled']);
    const last = await t.running({ maxAttempts: 1 });
    await write(last, 'fail', { errorMessage: 'x', retryable: true });
    expect(await kindsOf(t, last.job.id)).toEqual(['queued', 'claimed', 'failed', 'dead_lettered']);
  });

  it('tell of a lease that passed, and what became of the job', async () => {
    const t = harness();
    expect(await kindsOf(t, await endOfLease())).toEqual(['queued', 'claimed', 'lease_expired', 'retry_scheduled']);
    expect((await kindsOf(t, await endOfLease({ maxAttempts: 1 }))).slice(2)).toEqual([
      'lease_expired',
      'dead_lettered',
    ]);
    expect((await kindsOf(t, await endOfLease({}, true))).slice(2)).toEqual([
      'cancel_requested',
      'lease_expired',
      'cancelled',
    ]);
  });

  it('tell of a cancellation, with its reason, once', async () => {
    const t = harness();
    const queued = await t.enqueue({ requiredCapabilities: ['nobody-has-this'] });
    for (const reason of ['first', 'second']) await t.post(`/api/queue/jobs/${queued.id}/cancel`, { reason });
    const log = await logOf(t, queued.id);
    expect(log.map((event) => event.kind)).toEqual(['queued', 'cancel_requested', 'cancelled']);
    expect(log[1]?.payload).toEqual({ reason: 'first' });
    const running = await t.running();
    await t.post(`/api/queue/jobs/${running.job.id}/cancel`);
    await write(running, 'cancel/ack', { message: 'cleaned up' });
    const acked = await logOf(t, running.job.id);
    expect(acked.map((event) => event.kind)).toEqual(['queued', 'claimed', 'cancel_requested', 'cancelled']);
    expect(acked.at(-1)?.payload).toEqual({ message: 'cleaned up' });
  });

  it('carry the category of the job', async () => {
    const t = harness();
    const { id } = await t.enqueue({ type: 'task', requiredCapabilities: ['nobody-has-this'] });
    expect((await logOf(t, id))[0]?.category).toBe('work');
  });
});
