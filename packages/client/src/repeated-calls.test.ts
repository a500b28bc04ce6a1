import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, test, vi } from 'vitest';
import { ProofhouseClient } from './index.ts';
import { refuse } from './testing/fake-server.ts';
import { HandClock } from './testing/hand-clock.ts';
import { failureOf, quick, setUp } from './testing/client-trial.ts';

describe('a hostile answer', () => {
  const answering = (body: BodyInit) =>
    setUp({
      fetch: async () => new Response(body, { headers: { 'content-type': 'application/json' } }),
      retry: { tries: 1 },
    });

  test('without an end is given up once it is larger than any of a server, and the line is hung up', async () => {
    let sent = 0;
    let cancelled = false;
    const piece = new Uint8Array(1024 * 1024).fill(91);
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += piece.length;
        controller.enqueue(piece);
      },
      cancel() {
        cancelled = true;
      },
    });
    const { client } = await answering(endless);
    const error = await failureOf(client.jobs.list());
    expect([error.code, error.message]).toEqual(['unsupported', expect.stringContaining('larger than 64 MiB')]);
    expect(sent).toBeLessThan(70 * 1024 * 1024);
    expect(cancelled).toBe(true);
  });

  test('that was compressed to a trifle counts as large as it becomes', async () => {
    const { server, client } = await setUp();
    const bomb = gzipSync(Buffer.alloc(80 * 1024 * 1024, '['));
    server.interfere = (_operation, _request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(bomb);
      return true;
    };
    expect((await failureOf(client.jobs.list())).message).toContain('larger than 64 MiB');
  });

  test('with more jobs than were asked for starts no more', async () => {
    const { server, client } = await setUp();
    for (let n = 0; n < 3; n += 1) server.addJob();
    const given = await client.jobs.claimMany({ maxJobs: 3 });
    const jobs = Array.from({ length: 1000 }, () => ({ ...given[0], id: randomUUID() }));
    // The list now contains each job twice.
    jobs.push(...jobs);
    server.interfere = (_operation, _request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jobs }));
      return true;
    };
    let leftOut = 0;
    const claimed = await client.jobs.claimMany({ maxJobs: 2 }, { onLeftOut: () => (leftOut += 1) });
    expect([claimed.length, leftOut]).toEqual([2, 998]);
  });

  test('whose next page is itself is not read for ever', async () => {
    const { client } = await setUp({
      fetch: async () => Response.json({ items: [], nextCursor: 'again' }),
      retry: { tries: 1 },
    });
    const walk = async () => {
      for await (const _job of client.jobs.each()) throw new Error('there is none');
    };
    expect((await failureOf(walk())).message).toContain('does not end');
  });
});

describe('repetition', () => {
  test('a read is repeated until it succeeds', async () => {
    const { server, client } = await setUp();
    let asked = 0;
    server.interfere = (_operation, request, response) => {
      asked += 1;
      if (asked === 1) request.socket.destroy();
      if (asked === 2) refuse(response, 'too_busy');
      return asked < 3;
    };
    expect((await client.jobs.list()).items).toEqual([]);
    expect(asked).toBe(3);
  });

  test('a job created twice because the answer was lost is one job', async () => {
    const { server, client } = await setUp();
    let lost = 0;
    const send = vi.fn<typeof fetch>(async (input, init) => {
      const answer = await fetch(input, init);
      if (lost++ === 0) throw new TypeError('fetch failed');
      return answer;
    });
    const repeating = new ProofhouseClient({ url: server.url, fetch: send, retry: quick });
    await repeating.jobs.create({ type: 'exec' });
    expect(send).toHaveBeenCalledTimes(2);
    expect(server.jobs.size).toBe(1);
    await client.jobs.create({ type: 'exec' });
    expect(server.jobs.size).toBe(2);
  });

  test('what cannot succeed unchanged is not repeated', async () => {
    const { server, client } = await setUp();
    let asked = 0;
    server.interfere = (_operation, _request, response) => {
      asked += 1;
      return refuse(response, 'forbidden');
    };
    await failureOf(client.jobs.list());
    expect(asked).toBe(1);
  });

  test('Retry-After is honoured, and doubling pauses have full jitter', async () => {
    const clock = new HandClock();
    const answers = [{ 'retry-after': '7' }, {}, {}] as Record<string, string>[];
    const { client } = await setUp({
      clock,
      random: { fraction: () => 0.5, idempotencyKey: () => 'k' },
      retry: { baseDelayMs: 1000, maxDelayMs: 60_000, tries: 4 },
      fetch: async () => new Response('', { status: 503, headers: answers.shift() ?? {} }),
    });
    const pauses: (number | undefined)[] = [];
    const outcome = failureOf(client.jobs.list());
    for (let count = 0; count < 3; count += 1) {
      await vi.waitFor(() => expect(clock.nextDueMs).toBeDefined());
      await new Promise((resolve) => setTimeout(resolve, 5));
      pauses.push(clock.nextDueMs);
      clock.advance(clock.nextDueMs!);
    }
    expect((await outcome).code).toBe('unavailable');
    expect(pauses).toEqual([7000, 1000, 2000]);
  });

  test('a Retry-After beyond the overall limit ends the call at once', async () => {
    const { client } = await setUp({
      fetch: async () => new Response('', { status: 503, headers: { 'retry-after': '3600' } }),
    });
    const error = await failureOf(client.jobs.list());
    expect(error.details['retryAfterMs']).toBe(3_600_000);
  });

  test('a silent server ends a try after its limit, and the call after the last try', async () => {
    const clock = new HandClock();
    let asked = 0;
    const { client } = await setUp({
      clock,
      retry: { perTryMs: 5000, tries: 2, baseDelayMs: 0 },
      fetch: (_input, init) =>
        new Promise((_resolve, reject) => {
          asked += 1;
          init?.signal?.addEventListener('abort', () => reject(init.signal?.reason as Error));
        }),
    });
    const outcome = failureOf(client.jobs.list());
    await vi.waitFor(() => expect(asked).toBe(1));
    clock.advance(5000);
    await vi.waitFor(() => {
      clock.advance(0);
      expect(asked).toBe(2);
    });
    clock.advance(5000);
    const error = await outcome;
    expect(error.code).toBe('unavailable');
    expect(error.message).toContain('was silent for 5 s');
    expect(clock.nextDueMs).toBeUndefined();
  });

  test("a caller's abort ends the call with the caller's reason, also between tries", async () => {
    const { server, client } = await setUp({ retry: { baseDelayMs: 60_000, maxDelayMs: 60_000 } });
    const controller = new AbortController();
    server.interfere = (_operation, _request, response) => {
      setTimeout(() => controller.abort(new Error('enough')), 20);
      return refuse(response, 'unavailable');
    };
    await expect(client.jobs.list({}, { signal: controller.signal })).rejects.toThrow('enough');
    await expect(client.jobs.list({}, { signal: controller.signal })).rejects.toThrow('enough');
  });
});
