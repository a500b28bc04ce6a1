// A thread that scans text for secrets; see `SecretThreads`.
import os from 'node:os';
import process from 'node:process';
import { workerData } from 'node:worker_threads';
import { serveThread } from '../kernel/serve-thread.ts';
import { houseSecrets } from '../kernel/house-secrets.ts';
import type { SecretAnswer, SecretRequest, SecretThreadData } from './secret-threads.ts';
import { scanText, TextScan } from './text-scan.ts';

const { confirmed, niceness } = workerData as SecretThreadData;
const scans = new Map<number, TextScan>();
const set = houseSecrets();

function answer(request: SecretRequest): SecretAnswer[SecretRequest['kind']] {
  switch (request.kind) {
    case 'texts':
      return request.texts.map((text) => scanText(set, text, { confirmed }));
    case 'begin':
      scans.set(request.scan, new TextScan(set, request.encoding, { confirmed }));
      return request.chunks.every((chunk) => scanOf(request.scan).write(chunk));
    case 'write':
      return request.chunks.every((chunk) => scanOf(request.scan).write(chunk));
    case 'end': {
      const ended = scanOf(request.scan).end(request.isCutShort);
      scans.delete(request.scan);
      return ended;
    }
    case 'abort':
      scans.delete(request.scan);
      return undefined;
  }
}

function scanOf(id: number): TextScan {
  const scan = scans.get(id);
  // A scan is unknown if its thread ended and this thread replaced it. This thread did not receive the earlier chunks
  // of the content.
  if (scan === undefined) throw new Error('The beginning of this content was scanned by a thread that ended.');
  return scan;
}

if (process.platform === 'linux') os.setPriority(0, niceness);

serveThread({
  answer: (request) => answer(request as SecretRequest),
  endSession: () => undefined,
  close: () => {
    scans.clear();
  },
});
