// A thread that scans text for secrets; see `SecretThreads`.
import os from 'node:os';
import process from 'node:process';
import { workerData } from 'node:worker_threads';
import { serveThread } from '../kernel/serve-thread.ts';
import { houseSecrets } from '../kernel/house-secrets.ts';
import { systemClock } from '../kernel/time/clock.ts';
import type { SecretRequest } from './secret-requests.ts';
import type { SecretThreadData } from './secret-threads.ts';
import { SlicedScans } from './sliced-scans.ts';

const { confirmed, niceness } = workerData as SecretThreadData;
const scans = new SlicedScans({ set: houseSecrets(), confirmed, now: () => systemClock.monotonic() });

if (process.platform === 'linux') os.setPriority(0, niceness);

serveThread({
  answer: (request) => scans.answer(request as SecretRequest),
  endSession: () => undefined,
  close: () => {
    scans.clear();
  },
});
