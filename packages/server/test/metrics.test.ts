import { expect, it } from 'vitest';
import { forAnyStore } from './support/for-each-store.ts';

forAnyStore('metrics', (harness) => {
  it('tell claims, uploads, errors and requests, to people and the admin alone', async () => {
    const t = harness();
    const before = await numbers(t);
    const { worker, job, lease } = await t.running();
    await t.put(job.id, { name: 'a.txt', file: 'hello', as: worker, headers: { 'proofhouse-lease': lease } });
    await t.get('/api/queue/jobs/none');
    const after = await numbers(t);
    const grown = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0);
    expect(grown('proofhouse_uploads_total')).toBe(1);
    expect(grown('proofhouse_uploaded_bytes_total')).toBe(5);
    expect(grown('proofhouse_errors_total{code="job_not_found"}')).toBe(1);
    expect(grown(`proofhouse_job_wait_seconds_count{type="${job.type}"}`)).toBe(1);
    expect(grown('proofhouse_http_request_duration_seconds_count{operation="claimJob",status="2xx"}')).toBe(1);
    const refused = await t.get('/metrics', worker);
    expect([refused.status, refused.json.detail]).toEqual([403, expect.stringContaining("the admin's token")]);
    expect((await t.get('/metrics', null)).status).toBe(401);
  });

  it('count each end of a job once, by type and outcome, its run, and each return to the queue', async () => {
    const t = harness();
    const before = await numbers(t);
    const end = async (
      { job, worker, lease }: Awaited<ReturnType<typeof t.running>>,
      how: string,
      json: object = {},
    ) => {
      const headers = { 'proofhouse-lease': lease };
      for (const _ of ['once', 'and again']) await t.post(`/api/queue/jobs/${job.id}/${how}`, json, worker, headers);
    };
    const done = await t.running({ type: 'task' });
    t.clock.advance(2000);
    await end(done, 'complete');
    await end(await t.running({ type: 'task' }), 'fail', { errorMessage: 'no disk' });
    const dead = await t.running({ type: 'task', maxAttempts: 2 });
    await end(dead, 'fail', { errorMessage: 'no disk', retryable: true });
    t.clock.advance(15_000);
    expect((await t.claim(dead.worker, { leaseSeconds: 1 }))?.id).toBe(dead.job.id);
    t.clock.advance(3000);
    await t.server.jobs.sweep();
    // The clock also started a sweep of the server. If that sweep ended the lease, it may not have counted the end yet.
    const deadLetters = 'proofhouse_jobs_ended_total{type="task",outcome="dead_letter"}';
    await expect.poll(async () => (await numbers(t)).get(deadLetters)).toBe(before.get(deadLetters)! + 1);
    await t.post(`/api/queue/jobs/${(await t.enqueue({ type: 'task' })).id}/cancel`);
    const after = await numbers(t);
    const grown = (name: string): number => after.get(name)! - before.get(name)!;
    for (const outcome of ['succeeded', 'failed', 'dead_letter', 'cancelled']) {
      expect(grown(`proofhouse_jobs_ended_total{type="task",outcome="${outcome}"}`), outcome).toBe(1);
    }
    expect(grown('proofhouse_job_retries_total{type="task"}')).toBe(1);
    expect(grown('proofhouse_job_run_seconds_count{type="task"}')).toBe(3);
    expect(grown('proofhouse_job_run_seconds_bucket{le="5",type="task"}')).toBe(2);
    expect(after.get('proofhouse_jobs_ended_total{type="codex_skill",outcome="failed"}')).toBe(0);
  });

  it('say 0 of known types and states of which there are none', async () => {
    const t = harness();
    await expect
      .poll(async () => {
        t.clock.advance(15_000);
        return (await numbers(t)).get('proofhouse_jobs{type="codex_skill",state="delayed"}');
      })
      .toBe(0);
  });

  it('sample the depth of the queue off the path of requests', async () => {
    const t = harness();
    await t.enqueue({ type: 'codex_exec' });
    await expect
      .poll(async () => {
        t.clock.advance(15_000);
        return (await numbers(t)).get('proofhouse_jobs{type="codex_exec",state="ready"}') ?? 0;
      })
      .toBeGreaterThan(0);
  });
});

async function numbers(t: { get(url: string): Promise<{ text: string }> }): Promise<Map<string, number>> {
  const { text } = await t.get('/metrics');
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}
