// A minimal queue over HTTP in one thread of Node. It parses JSON, increments a counter, and answers with the JSON of a
// job. It stores nothing, checks nothing and has no authentication. Its rate is the upper limit of such an API on this
// machine.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { text } from 'node:stream/consumers';

/** A job with the same size as a job of Proofhouse. */
const job = {
  id: '01a22190-0000-7000-8000-000000000000',
  leaseId: 'abcdefghijklmnopqrstuvwxyz234567',
  type: 'exec',
  payload: { command: 'true' },
  padding: 'x'.repeat(600),
};
let ready = 0;

function take(most: number): object[] {
  const count = Math.min(ready, most);
  ready -= count;
  return Array.from({ length: count }, () => job);
}

function answer(place: string, body: { maxJobs?: number; items?: readonly object[] }): object {
  switch (place.slice(place.lastIndexOf('/') + 1)) {
    case 'tokens':
      return { token: 'anybody' };
    case 'jobs':
      ready += 1;
      return job;
    case 'claim':
      return body.maxJobs === undefined ? { job: take(1)[0] ?? null } : { jobs: take(body.maxJobs) };
    case 'complete-batch':
      return { results: (body.items ?? []).map(() => ({ job })) };
    default:
      return job;
  }
}

const server = createServer((request, response) => {
  text(request)
    .then((body) => {
      const json = JSON.stringify(answer(request.url ?? '', JSON.parse(body) as object));
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) };
      response.writeHead(200, headers).end(json);
    })
    .catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`LISTENING port=${String((server.address() as AddressInfo).port)}\n`);
});
