// A thread that replaces `secret-thread.ts` in tests and fails. It throws for texts, and ends at the second request for
// a content.
import process from 'node:process';
import { serveThread } from '../../kernel/serve-thread.ts';
import type { SecretRequest } from '../secret-requests.ts';

serveThread({
  answer: (request) => {
    const { kind } = request as SecretRequest;
    if (kind === 'texts') throw new Error('the scan failed');
    if (kind === 'write' || kind === 'end') process.exit(1);
    return { isFinished: true, value: undefined };
  },
  endSession: () => undefined,
  close: () => undefined,
});
