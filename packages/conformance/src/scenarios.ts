import assert from 'node:assert/strict';
import { ProofhouseClient } from '@proofhouse/client';
import { problemSchema } from '@proofhouse/core';
import type { Scenario } from './requirement.ts';

/** Black-box scenarios: they know the contract and a base URL. */
export const scenarios: readonly Scenario[] = [
  {
    name: 'a call without a credential is told so',
    requirements: ['queue.auth.missing'],
    run: async ({ url }) => {
      const answer = await fetch(`${url}/api/queue/jobs`);
      assert.equal(answer.status, 401);
      assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
      assert.equal(problemSchema.parse(await answer.json()).status, 401);
    },
  },
  {
    name: 'a created job is queued and can be read back',
    requirements: ['queue.lifecycle.enqueue'],
    run: async ({ url, adminToken }) => {
      const client = new ProofhouseClient({ url, token: adminToken });
      const job = await client.jobs.create({ type: 'exec' });
      assert.equal(job.status, 'queued');
      assert.equal((await client.jobs.get(job.id)).id, job.id);
    },
  },
];
