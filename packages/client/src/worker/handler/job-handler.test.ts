import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '@proofhouse/core';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { FakeServer, refuse } from '../../testing/fake-server.ts';
import { HandClock } from '../../testing/hand-clock.ts';
import { setUpWorker } from '../../testing/worker-trial.ts';
import type { WorkerOptions } from '../worker-options.ts';
import { runWorker, type JobContext, type JobHandler } from '../index.ts';

async function setUpHandler() {
  const { server, client, stop, entries, folder } = await setUpWorker();
  const handle = (exec: JobHandler, options: Partial<WorkerOptions> = {}) =>
    runWorker({
      client,
      handlers: { exec },
      once: true,
      signal: stop.signal,
      graceMs: 50,
      log: (entry) => entries.push(entry),
      ...options,
    });
  return { server, client, stop, entries, folder, handle };
}

/** Resolves when the signal of the handler aborts. */
const ending = (ctx: JobContext): Promise<void> =>
  new Promise((resolve) => ctx.signal.addEventListener('abort', () => resolve(), { once: true }));

describe('a handler', () => {
  test('gets its job, deposits and notes under the lease, and its summary becomes the result', async () => {
    const { server, handle, folder } = await setUpHandler();
    const job = server.addJob({ payload: { goal: 'greet' } });
    await writeFile(path.join(folder, 'file'), 'from a file');
    const report = await handle(async ({ payload, leaseId }, ctx) => {
      expect(payload).toEqual({ goal: 'greet' });
      expect(leaseId).toBeDefined();
      ctx.note('half', { payload: { done: 1 } });
      await ctx.deposit('text.txt', 'text', { type: 'report', metadata: { rows: 2 } });
      await ctx.deposit('empty', '');
      await ctx.deposit('bytes', new Uint8Array([1, 2]));
      await ctx.deposit('file', { file: path.join(folder, 'file') });
      const { digest } = await ctx.deposit('pieces', async function* () {
        yield Buffer.from('a');
        yield Buffer.from('b');
      });
      expect(digest).toMatch(/^sha256:/);
      return { summary: 'Greeted.' };
    });
    expect(report).toMatchObject({ succeeded: 1 });
    const texts = server.artifacts.map(({ record, bytes }) => [record.name, bytes.toString()]);
    expect(texts).toEqual([
      ['text.txt', 'text'],
      ['empty', ''],
      ['bytes', '\u0001\u0002'],
      ['file', 'from a file'],
      ['pieces', 'ab'],
    ]);
    expect(server.artifact('text.txt').record).toMatchObject({ type: 'report', metadata: { rows: 2 } });
    expect(server.job(job.id).resultSummary).toBe('Greeted. 5 artifacts deposited.');
    expect(server.log.of(job.id).map(({ message }) => message)).toContain('half');
  });

  test('that throws fails its job: retryable by the AppError, else by the option of the worker', async () => {
    const throwing = [
      [new AppError('unavailable', 'The disk is away.'), {}, true],
      [new AppError('invalid_request', 'Wrong.'), { retryable: true }, false],
      [new Error('Boom.'), {}, false],
      [new Error('Boom.'), { retryable: true }, true],
    ] as const;
    for (const [error, options, retryable] of throwing) {
      const { server, handle } = await setUpHandler();
      server.addJob();
      expect(await handle(() => Promise.reject(error), options)).toMatchObject({ failed: 1 });
      const { json } = server.requestsOf('failJob')[0]!;
      expect(json).toEqual({ errorMessage: `The handler failed: ${error.message}`, retryable });
    }
  });

  test('may return nothing, or a failure with its reason', async () => {
    const { server, handle } = await setUpHandler();
    const job = server.addJob();
    expect(await handle(() => undefined)).toMatchObject({ succeeded: 1 });
    expect(server.job(job.id).resultSummary).toBe('The handler ended. 0 artifacts deposited.');
    server.addJob();
    await handle(() => ({ status: 'failed', reason: 'Two tests failed.', retryable: true }));
    expect(server.requestsOf('failJob')[0]?.json).toEqual({ errorMessage: 'Two tests failed.', retryable: true });
  });

  test('whose deposit was refused fails its job even when it continues, unless the name is deposited later', async () => {
    const { server, handle } = await setUpHandler();
    const job = server.addJob();
    server.interfere = (operation, request, response) =>
      operation === 'putArtifact' && (request.url ?? '').includes('proof') && refuse(response, 'artifact_too_large');
    const careless: JobHandler = async (_job, ctx) => {
      await ctx
        .deposit('proof', 'large')
        .catch((error: unknown) => expect(error).toMatchObject({ code: 'artifact_too_large' }));
    };
    expect(await handle(careless)).toMatchObject({ failed: 1 });
    expect(server.job(job.id).errorMessage).toContain('proof was not deposited');
    server.addJob();
    expect(await handle(careless, { bestEffort: true })).toMatchObject({ succeeded: 1 });
    let tries = 0;
    server.interfere = (operation, _request, response) =>
      operation === 'putArtifact' && (tries += 1) === 1 && refuse(response, 'artifact_too_large');
    server.addJob();
    const second: JobHandler = async (_job, ctx) => {
      await ctx.deposit('proof', 'large').catch(() => ctx.deposit('proof', 'small'));
    };
    expect(await handle(second)).toMatchObject({ succeeded: 1 });
  });

  test('is aborted when its job is cancelled, and the job is cancelled when it has ended', async () => {
    const { server, client, handle } = await setUpHandler();
    const job = server.addJob();
    let seen: readonly boolean[] = [];
    const outcome = handle(
      async (_job, ctx) => {
        await ending(ctx);
        seen = [ctx.cancelled.aborted, ctx.lost.aborted];
        await ctx.deposit('half', 'half');
        throw new Error('ended');
      },
      { leaseSeconds: 1, graceMs: 10_000 },
    );
    await vi.waitFor(() => expect(server.job(job.id).status).toBe('running'));
    await client.jobs.cancel(job.id);
    expect(await outcome).toMatchObject({ cancelled: 1 });
    expect(seen).toEqual([true, false]);
    expect(server.artifactNames()).toEqual(['half']);
    expect(server.job(job.id).status).toBe('cancelled');
  });

  test('is aborted when its lease is lost, and writes nothing more', async () => {
    const { server, handle } = await setUpHandler();
    const job = server.addJob();
    let refused: unknown;
    const outcome = handle(
      async (_job, ctx) => {
        await ending(ctx);
        expect(ctx.lost.aborted).toBe(true);
        refused = await ctx.deposit('late', 'late').catch((error: unknown) => error);
      },
      { leaseSeconds: 1, graceMs: 10_000 },
    );
    await vi.waitFor(() => expect(server.job(job.id).status).toBe('running'));
    server.takeAway(job.id);
    expect(await outcome).toMatchObject({ lost: 1 });
    expect(refused).toMatchObject({ code: 'lease_lost' });
    expect(server.artifactNames()).toEqual([]);
    expect(server.requestsOf('completeJob')).toEqual([]);
  });

  test('that does not end within the grace period is abandoned, and its late deposits are refused', async () => {
    const { server, handle, stop } = await setUpHandler();
    const job = server.addJob();
    const late = Promise.withResolvers<unknown>();
    const goOn = Promise.withResolvers<undefined>();
    const outcome = handle(async (_job, ctx) => {
      stop.abort();
      await goOn.promise;
      late.resolve(await ctx.deposit('late', 'late').catch((error: unknown) => error));
    });
    expect(await outcome).toMatchObject({ stopped: 1 });
    expect(server.job(job.id).errorMessage).toBe('The worker was stopped. It did not stop in time.');
    goOn.resolve(undefined);
    expect(await late.promise).toMatchObject({ code: 'lease_lost' });
    expect(server.artifactNames()).toEqual([]);
  });
});

describe('the time limit of a job', () => {
  test('is the time limit of its payload, up to that of the worker', async () => {
    for (const [timeoutSeconds, commandTimeoutMs, limitMs] of [
      [5, undefined, 5000],
      [5, 60_000, 5000],
      [90, 60_000, 60_000],
      [0.5, undefined, 500],
    ] as const) {
      const { server, handle } = await setUpHandler();
      const job = server.addJob({ payload: { timeoutSeconds } });
      const clock = new HandClock();
      const started = Promise.withResolvers<undefined>();
      const outcome = handle(
        async (_job, ctx) => {
          started.resolve(undefined);
          await ending(ctx);
          ctx.signal.throwIfAborted();
        },
        { commandTimeoutMs, clock },
      );
      await started.promise;
      clock.advance(limitMs - 1);
      expect(server.requestsOf('failJob')).toEqual([]);
      clock.advance(1);
      expect(await outcome).toMatchObject({ failed: 1 });
      expect(server.job(job.id).errorMessage).toBe(
        `The handler ran for longer than ${limitMs / 1000} s and was ended.`,
      );
    }
  });

  test('ends a command too, and an invalid one fails the job before anything runs', async () => {
    const { server, work } = await setUpWorker();
    const job = server.addJob({ payload: { timeoutSeconds: 0.2 } });
    expect(await work('sleep 600')).toMatchObject({ failed: 1 });
    expect(server.job(job.id).errorMessage).toBe('The command ran for longer than 0.2 s and was ended.');
    for (const timeoutSeconds of ['5', 0, -1, true, [5]]) {
      const wrong = server.addJob({ payload: { timeoutSeconds } });
      expect(await work('echo ran')).toMatchObject({ failed: 1 });
      expect(server.job(wrong.id).errorMessage).toContain('payload.timeoutSeconds must be a number of seconds');
    }
    server.addJob({ payload: { timeoutSeconds: 1e12 } });
    expect(await work('true')).toMatchObject({ succeeded: 1 });
    server.addJob({ payload: { timeoutSeconds: null } });
    expect(await work('true')).toMatchObject({ succeeded: 1 });
  });
});

describe('a worker for several types', () => {
  test('runs the handler or command of each type, and claims those types alone', async () => {
    const { server, client, work } = await setUpWorker();
    const run = async (type: string): Promise<string | undefined> => {
      const job = server.addJob({ type });
      await work('', {
        command: undefined,
        commands: { task: ['sh', '-c', 'echo a task'] },
        handlers: { exec: () => ({ summary: 'A function.' }) },
      });
      return server.job(job.id).resultSummary ?? undefined;
    };
    expect(await run('exec')).toContain('A function.');
    expect(await run('task')).toContain('exited with code 0');
    expect(server.artifact('log.log').bytes.toString()).toBe('a task\n');
    expect(server.requestsOf('claimJob')[0]?.json['allowedTypes']).toEqual(['exec', 'task']);
    await expect(runWorker({ client })).rejects.toThrow(/no command/);
    await expect(runWorker({ client, handlers: { exec: () => undefined }, types: ['task'] })).rejects.toThrow(
      /nothing to run for jobs of type task/,
    );
    const both = {
      handlers: { exec: () => undefined },
      commands: { exec: ['true'] },
      env: { PATH: process.env['PATH'] },
    };
    await expect(runWorker({ client, ...both })).rejects.toThrow(/a handler and a command/);
  });
});

test('the example of the README runs', async () => {
  await using server = await FakeServer.start();
  const job = server.addJob({ payload: { numbers: [1, 2, 3.5] } });
  const readme = await readFile(path.join(import.meta.dirname, '../../../README.md'), 'utf8');
  const [, example = ''] = /```ts\n([^]*?)```/.exec(readme) ?? [];
  // The example is written to a folder inside the package. Otherwise its imports could not be resolved.
  const folder = await mkdtemp(path.join(import.meta.dirname, '../../../.example-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(path.join(folder, 'worker.ts'), example);
  const env = { PATH: process.env['PATH'], PROOFHOUSE_URL: server.url, PROOFHOUSE_TOKEN: 'phw_own' };
  const child = spawn(process.execPath, [path.join(folder, 'worker.ts'), '--once'], { env });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece: Buffer) => (output += piece.toString()));
  await new Promise((resolve) => child.once('close', resolve));
  expect(output).toContain('succeeded. The sum is 6.5.');
  expect(child.exitCode).toBe(0);
  expect(server.artifact('sum.json').bytes.toString()).toBe('{"total":6.5}');
  expect(server.job(job.id).resultSummary).toBe('The sum is 6.5. 1 artifact deposited.');
});
