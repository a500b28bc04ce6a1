import { describe, expect, it } from 'vitest';
import { distanceOf, explainWait, lackInWords, shortfall, type SeenWorker } from './job-why.ts';
import { jobMadeAt as now, queuedJob } from '../testing/job-record.ts';

const job = queuedJob({ createdAt: now });

function worker(workerId: string, fields: Partial<SeenWorker> = {}): SeenWorker {
  return {
    workerId,
    lastSeenAt: now,
    capabilities: [],
    types: undefined,
    repositories: undefined,
    version: undefined,
    ...fields,
  };
}

describe('a shortfall', () => {
  it('is nothing for a worker that is not limited and a job that requires nothing', () => {
    expect(distanceOf(shortfall(job, worker('w')))).toBe(0);
  });

  it('counts each missing capability, the type and the repository', () => {
    const needs = { ...job, requiredCapabilities: ['a', 'b', 'c'], repository: 'acme/app' };
    const lacks = shortfall(needs, worker('w', { capabilities: ['b'], types: ['exec'], repositories: ['acme/other'] }));
    expect(lacks).toEqual({ capabilities: ['a', 'c'], type: 'task', repository: 'acme/app' });
    expect(distanceOf(lacks)).toBe(4);
  });

  it('lists missing capabilities in the order of the job', () => {
    const needs = { ...job, requiredCapabilities: ['linux', 'gpu'] };
    expect(shortfall(needs, worker('w')).capabilities).toEqual(['linux', 'gpu']);
    expect(explainWait(needs, [worker('w')], 0, now).unmet).toEqual(['capability:linux', 'capability:gpu']);
  });

  it('has a worker that is limited to repositories lack a job without one', () => {
    expect(shortfall(job, worker('w', { repositories: ['acme/app'] })).repository).toBe('none');
  });

  it('takes empty lists for limits that nothing passes', () => {
    expect(distanceOf(shortfall(job, worker('w', { types: [], repositories: [] })))).toBe(2);
  });
});

describe('the explanation', () => {
  it('shows the ten nearest workers, of equals those seen later first', () => {
    const needs = { ...job, requiredCapabilities: ['a', 'b'] };
    const crowd = Array.from({ length: 12 }, (_, index) => worker(`far-${String(index)}`, { lastSeenAt: now - index }));
    const near = worker('near', { capabilities: ['a'], lastSeenAt: 1 });
    const found = explainWait(needs, [...crowd, near], 0, now).nearWorkers.map((each) => each.workerId);
    expect(found).toEqual(['near', ...crowd.slice(0, 9).map((each) => each.workerId)]);
  });

  it('names at most 100 workers that may have it', () => {
    const crowd = Array.from({ length: 120 }, (_, index) => worker(String(index)));
    expect(explainWait(job, crowd, 0, now).eligibleWorkers).toHaveLength(100);
  });

  it('calls unmet only what every worker lacks', () => {
    const needs = { ...job, requiredCapabilities: ['a', 'b', 'c'] };
    const workers = [worker('one', { capabilities: ['a'] }), worker('two', { capabilities: ['b'] })];
    expect(explainWait(needs, workers, 0, now).unmet).toEqual(['capability:c']);
  });

  it('calls the repository unmet when every worker is limited to others', () => {
    const needs = { ...job, repository: 'acme/app' };
    const found = explainWait(needs, [worker('w', { repositories: ['acme/other'] })], 0, now);
    expect(found.unmet).toEqual(['repository:acme/app']);
    expect(found.summary).toBe('No worker seen lately offers repository acme/app.');
  });

  it('says that every worker is limited to repositories when the job has none', () => {
    const found = explainWait(job, [worker('w', { repositories: ['acme/other'] })], 0, now);
    expect(found).toMatchObject({ unmet: [], eligibleWorkers: [], nearWorkers: [{ lacks: ['repository:none'] }] });
    expect(found.summary).toBe('No worker seen lately takes jobs without a repository.');
    expect(lackInWords('repository:none')).toBe('leave for jobs without a repository');
  });

  it('counts the jobs before it in words', () => {
    const summaries = [0, 1, 2, 1000].map((ahead) => explainWait(job, [worker('w')], ahead, now).summary);
    expect(summaries.slice(1)).toEqual([
      '1 job like it comes first.',
      '2 jobs like it come first.',
      '1000 or more jobs like it come first.',
    ]);
  });

  it('has a delay only before its end, and a position only from then on', () => {
    const delayed = { ...job, nextAttemptAt: now };
    expect(explainWait(delayed, [], 4, now - 1)).toMatchObject({
      notBefore: new Date(now).toISOString(),
      position: null,
    });
    expect(explainWait(delayed, [], 4, now)).toMatchObject({ notBefore: null, position: 4 });
  });

  it('of a running job names its holder, and nobody who could have it', () => {
    const running = { ...job, status: 'running', lastClaimedBy: 'holder', leaseExpiresAt: now + 1 } as const;
    const found = explainWait(running, [worker('holder'), worker('idle'), worker('far', { types: [] })], 0, now);
    expect(found).toMatchObject({ heldBy: 'holder', eligibleWorkers: [], nearWorkers: [], unmet: [], position: null });
    expect(found.summary).toBe('It runs: holder holds it.');
  });

  it.each(['succeeded', 'failed', 'cancelled', 'dead_letter'] as const)(
    'of a job that is %s has nothing unmet',
    (status) => {
      const found = explainWait(
        { ...job, status, lastClaimedBy: 'w', requiredCapabilities: ['a'] },
        [worker('w')],
        0,
        now,
      );
      expect(found).toMatchObject({
        status,
        heldBy: null,
        unmet: [],
        nearWorkers: [],
        position: null,
        notBefore: null,
      });
      expect(found.summary).toBe(`It does not wait: it is ${status}.`);
    },
  );
});
