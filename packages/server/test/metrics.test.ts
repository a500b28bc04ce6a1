import { expect, it } from 'vitest';
import { forEachStore } from './support/for-each-store.ts';

forEachStore('metrics', (harness) => {
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
    expect((await t.get('/metrics', worker)).status).toBe(403);
    expect((await t.get('/metrics', null)).status).toBe(401);
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
