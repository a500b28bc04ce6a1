import { expect, it } from 'vitest';
import type { OperationId, Principal } from '@proofhouse/core';
import { requireClass } from './operation-call.ts';

const worker: Principal = { kind: 'worker', workerId: 'w', policy: {} };
const operator: Principal = { kind: 'operator', userId: 'o' };
const refused = 'credential may not do this';

it.each<[OperationId, Principal, string]>([
  [
    'storageUsage',
    worker,
    `A worker ${refused} (GET /api/storage/usage); it needs an operator's or the admin's token.`,
  ],
  ['collectStorage', operator, `An operator ${refused} (POST /api/storage/gc); it needs the admin's token.`],
  ['createJob', worker, `A worker ${refused} (POST /api/queue/jobs); it needs an operator's or the admin's token.`],
  [
    'claimJob',
    operator,
    `An operator ${refused} (POST /api/queue/jobs/claim); it needs a worker's or the admin's token.`,
  ],
])('%s that is refused says whose token would do', (id, principal, message) => {
  expect(() => {
    requireClass(id, principal);
  }).toThrow(expect.objectContaining({ code: 'forbidden', message }));
});
