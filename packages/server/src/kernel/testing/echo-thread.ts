// A thread for tests: answers with its id and the requests of the present session, waits until it is released, throws, or ends.
import process from 'node:process';
import { threadId } from 'node:worker_threads';
import { serveThread } from '../serve-thread.ts';

let seen: unknown[] = [];

serveThread({
  answer: (request) => {
    if (request === 'end') process.exit(1);
    if (request === 'throw') throw Object.assign(new Error('Refused.'), { code: 'TEST_CODE' });
    // Other code of the thread does not run either, as during a long statement.
    if (request instanceof Int32Array) Atomics.wait(request, 0, 0);
    else seen.push(request);
    return { threadId, seen };
  },
  endSession: () => {
    seen = [];
  },
  close: () => undefined,
});
