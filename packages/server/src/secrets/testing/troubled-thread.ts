// A thread for tests that works like `secret-thread.ts`. If a text contains a special word, it throws, ends or hangs.
import process from 'node:process';
import { houseSecrets } from '../../kernel/house-secrets.ts';
import { serveThread } from '../../kernel/serve-thread.ts';
import type { SecretRequest } from '../secret-requests.ts';
import { SlicedScans } from '../sliced-scans.ts';

const scans = new SlicedScans({ set: houseSecrets(), confirmed: true, now: () => 0 });

serveThread({
  answer: (request) => {
    const text = textOf(request as SecretRequest);
    if (text.includes('make-it-throw')) throw new Error('The scan failed.');
    if (text.includes('make-it-end')) process.exit(1);
    if (text.includes('make-it-hang')) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    return scans.answer(request as SecretRequest);
  },
  endSession: () => undefined,
  close: () => undefined,
});

function textOf(request: SecretRequest): string {
  if ('chunks' in request) return request.chunks.map((chunk) => Buffer.from(chunk).toString('latin1')).join('');
  return 'texts' in request ? request.texts.map(({ bytes }) => Buffer.from(bytes).toString('latin1')).join('') : '';
}
