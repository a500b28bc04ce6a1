// Tests ids, titles and other short texts with control characters, line ends or text-direction overrides. Every
// operation of /api that accepts such a field must refuse these characters.
import { describe, expect, it } from 'vitest';
import { startTestServer } from './support/test-server.ts';

const controls = {
  'a line end': 'a\nb',
  'a C1 control': 'a\u009b31m',
  'a text-direction override': 'a\u202eb',
  'an isolate': 'a\u2067b',
  'a line separator': 'a\u2028b',
};

describe.each(Object.entries(controls))('a short text with %s', (_what, text) => {
  it('is refused as id, title, tag, capability and key at every door, and nothing is kept', async () => {
    const t = await startTestServer();
    try {
      const jobs = '/api/queue/jobs';
      const { job, worker, lease } = await t.running();
      const held = { 'Proofhouse-Lease': lease };
      const refused = [
        await t.post('/api/queue/workers/tokens', { workerId: text }),
        await t.post('/api/queue/workers/tokens', { workerId: 'w', description: text }),
        await t.post('/api/queue/workers/tokens', { workerId: 'w', capabilities: [text] }),
        await t.post(jobs, { type: 'exec', affinityKey: text }),
        await t.post(jobs, { type: 'exec', requiredCapabilities: [text] }),
        await t.post(jobs, { type: 'exec', idempotencyKey: text }),
        await t.post(jobs, { type: text }),
        await t.post(`${jobs}/claim`, { workerId: text }),
        await t.post('/api/experiments', { name: text }),
        await t.upload(job.id, { name: 'a.txt', as: worker, headers: held, fields: { title: text } }),
        await t.upload(job.id, { name: 'a.txt', as: worker, headers: held, fields: { tags: JSON.stringify([text]) } }),
        await t.call('PUT', `${jobs}/${job.id}/artifacts/a.txt?title=${encodeURIComponent(text)}`, {
          as: worker,
          payload: 'x',
          headers: held,
        }),
      ];
      expect(refused.map(({ status }) => status)).toEqual(refused.map(() => 422));
      for (const { json } of refused) expect(json.detail).not.toContain(text);
      expect(await t.artifacts(job.id)).toEqual([]);
    } finally {
      await t.close();
    }
  });
});

it('a title with direction marks, joiners and emoji is kept as it is', async () => {
  const t = await startTestServer();
  try {
    const job = await t.enqueue();
    const title = 'שלום\u200f 👩‍💻 می‌خواهم';
    const answer = await t.upload(job.id, { name: 'a.txt', fields: { title } });
    expect([answer.status, answer.json.title]).toEqual([201, title]);
  } finally {
    await t.close();
  }
});
