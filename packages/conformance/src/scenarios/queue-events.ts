import { expectEqual, expectStatus, expectThat } from '../expectations/expectations.ts';
import { expectCode, OwnQueue } from '../own-queue.ts';
import { scenariosOf } from '../scenario.ts';
import type { ServerUnderTest } from '../server-under-test.ts';

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/**
 * Reads an event stream until the server ends it. Returns the ids of its events. `after` is sent as `Last-Event-ID`.
 */
async function streamed(server: ServerUnderTest, jobId: string, after?: number) {
  const answer = await server.queue('GET', `/jobs/${jobId}/events/stream`, {
    headers: after === undefined ? {} : { 'last-event-id': String(after) },
  });
  expectStatus(answer, 200);
  expectThat(answer.header('content-type').startsWith('text/event-stream'), {
    request: answer.request,
    what: 'the content type',
    expected: 'text/event-stream',
    seen: answer.header('content-type'),
  });
  return [...answer.text.matchAll(/^id: ?(\d+)$/gm)].map((match) => Number(match[1]));
}

export const queueEventScenarios = scenariosOf('queue lifecycle', [
  {
    name: 'events of a holder are numbered from 1 without gaps, among those of the server',
    requirements: ['QL-32', 'QL-35', 'QL-47'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const worker = await queue.worker();
      const { id, lease } = await queue.held(worker);
      expectStatus(
        await queue.write(worker, id, 'events', { level: 'warn', message: 'one', payload: { n: 1 } }, lease),
        201,
      );
      const many = { events: [{ message: 'two' }, { message: 'three', level: 'error' }] };
      expectStatus(await queue.write(worker, id, 'events', many, lease), 201);
      expectCode(await queue.write(worker, id, 'events', { message: 'x'.repeat(2049) }, lease), 422, 'invalid_request');
      const large = { message: 'large', payload: { text: 'x'.repeat(4096) } };
      expectCode(await queue.write(worker, id, 'events', large, lease), 422, 'invalid_request');
      expectStatus(await queue.write(worker, id, 'complete', {}, lease), 200);
      const log = await queue.events(id);
      const request = `GET /api/queue/jobs/${id}/events`;
      expectEqual(
        request,
        'the numbers',
        log.map((event) => event['seq']),
        upTo(log.length),
      );
      const notes = log.filter((event) => event['kind'] === 'note').map((event) => event['message']);
      expectEqual(request, 'the notes', notes, ['one', 'two', 'three']);
      const own = log.map((event) => event['kind']).filter((kind) => kind !== 'note');
      expectEqual(request, "the server's own events", own, ['queued', 'claimed', 'completed']);
    },
  },
  {
    name: 'a log is read by cursor, which is null at the end of a final job',
    requirements: ['QL-33'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const worker = await queue.worker();
      const { id, lease } = await queue.held(worker);
      const events = upTo(7).map((n) => ({ message: `note ${n}` }));
      expectStatus(await queue.write(worker, id, 'events', { events }, lease), 201);
      expectStatus(await queue.write(worker, id, 'complete', {}, lease), 200);
      const seen: unknown[] = [];
      let cursor: unknown = 0;
      for (let pages = 0; cursor !== null && pages < 20; pages++) {
        const page = await server.queue(
          'GET',
          `/jobs/${id}/events?limit=3&after=${JSON.stringify(cursor).replaceAll('"', '')}`,
        );
        expectStatus(page, 200);
        seen.push(...page.items('items').map((event) => event['seq']));
        cursor = page.document()['nextCursor'];
      }
      expectEqual(`GET /api/queue/jobs/${id}/events`, 'the last cursor', cursor, null);
      expectEqual(`GET /api/queue/jobs/${id}/events`, 'the numbers', seen, upTo(10));
    },
  },
  {
    name: 'events written at once leave no gap, and those of one call stay together',
    requirements: ['QL-34'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const worker = await queue.worker();
      const { id, lease } = await queue.held(worker);
      const calls = upTo(12).map((call) => ({ events: upTo(4).map((n) => ({ message: `${call}.${n}` })) }));
      const answers = await Promise.all(calls.map((json) => queue.write(worker, id, 'events', json, lease)));
      for (const answer of answers) expectStatus(answer, 201);
      const log = await queue.events(id);
      const request = `GET /api/queue/jobs/${id}/events`;
      expectEqual(
        request,
        'the numbers',
        log.map((event) => event['seq']),
        upTo(2 + 48),
      );
      const notes = log.filter((event) => event['kind'] === 'note').map((event) => String(event['message']));
      const heads = notes.filter((_, index) => index % 4 === 0).map((note) => note.replace('.1', ''));
      const together = heads.flatMap((call) => upTo(4).map((n) => `${call}.${n}`));
      expectEqual(request, 'the notes, call by call', notes, together);
    },
  },
  {
    name: 'the stream of a job carries its numbers, resumes after one, and ends with the job',
    requirements: ['QL-36'],
    run: async (server) => {
      const queue = new OwnQueue(server);
      const worker = await queue.worker();
      const { id, lease } = await queue.held(worker);
      const following = server.meanwhile(streamed(server, id));
      expectStatus(await queue.write(worker, id, 'events', { message: 'while followed' }, lease), 201);
      expectStatus(await queue.write(worker, id, 'complete', {}, lease), 200);
      const request = `GET /api/queue/jobs/${id}/events/stream`;
      expectEqual(request, 'the ids', await following, upTo(4));
      expectEqual(request, 'the ids after 2', await streamed(server, id, 2), [3, 4]);
    },
  },
]);
