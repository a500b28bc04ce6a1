// A thread for tests. Its answer to a request is its thread id and all requests of the current session. Special
// requests make it wait until it is released, throw an error, or end.
import process from 'node:process';
import { threadId } from 'node:worker_threads';
import { serveThread } from '../serve-thread.ts';

let seen: unknown[] = [];

serveThread({
  answer: (request) => {
    if (request === 'end') process.exit(1);
    if (request === 'throw') throw Object.assign(new Error('Refused.'), { code: 'TEST_CODE' });
    // `Atomics.wait` blocks the whole thread, as a long statement does.
    if (request instanceof Int32Array) Atomics.wait(request, 0, 0);
    else seen.push(request);
    return { threadId, seen };
  },
  endSession: () => {
    seen = [];
  },
  close: () => undefined,
});
