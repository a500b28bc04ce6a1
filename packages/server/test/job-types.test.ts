// Tests that one object is enough to define a job type: the schema of its payload, the job fields that are derived from
// the payload, and the payload in answers.
import { jobTypesOf, plainJobType, type JobType, type Principal } from '@proofhouse/core';
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { jobHandlers } from '../src/http/routes/jobs.ts';
import { JobHints } from '../src/jobs/job-hints.ts';
import { Jobs } from '../src/jobs/jobs.ts';
import { Ids } from '../src/kernel/ids.ts';
import { ManualClock } from '../src/kernel/time/manual-clock.ts';
import type { MetadataStore } from '../src/stores/metadata-store.ts';
import { openMetadataStore } from '../src/stores/open-metadata-store.ts';
import { Presence } from '../src/workers/presence.ts';
import { noSecretPolicy } from '../src/secrets/testing/no-secret-policy.ts';

/** The complete definition of a new job type. */
const survey: JobType<{ plot: string; plan: { name: string; steps: string } }> = {
  ...plainJobType('survey'),
  category: 'manifest',
  payloadSchema: z.strictObject({
    plot: z.string().trim().min(1),
    plan: z.strictObject({ name: z.string(), steps: z.string() }),
  }),
  derive: ({ plot, plan }) => ({
    requiredCapabilities: ['survey', 'drone'],
    repository: plot,
    manifestName: plan.name,
  }),
  view: ({ plot, plan }) => ({ plot, plan: { name: plan.name } }),
};

const admin: Principal = { kind: 'admin' };
let store: MetadataStore;
let jobs: Jobs;

beforeEach(async () => {
  const clock = new ManualClock();
  store = await openMetadataStore('sqlite::memory:', { clock });
  jobs = new Jobs({
    store: store.jobs,
    clock,
    ids: new Ids(clock),
    jobTypes: new Map([...jobTypesOf(['task']), [survey.name, survey]]),
    hints: new JobHints({ clock, serverId: 's' }),
    presence: new Presence({ store: store.presence, clock }),
    secrets: noSecretPolicy(),
  });
});
afterEach(() => store.close());

const newSurvey = (payload: object, fields: object = {}) => ({
  type: 'survey',
  priority: 0,
  maxAttempts: 3,
  payload: payload as Record<string, unknown>,
  ...fields,
});
const plan = { name: 'fields', steps: 'fly; look' };

describe('a job of a type that is one row', () => {
  it('is checked against the contract of its payload, alone and in a batch', async () => {
    await expect(jobs.create(admin, newSurvey({ plot: ' ', extra: 1 }))).rejects.toMatchObject({
      code: 'invalid_request',
      errors: [{ path: 'payload.plot' }, { path: 'payload.plan' }, { path: 'payload.extra' }],
    });
    const items = [newSurvey({ plot: 'north', plan }), newSurvey({ plot: 'north', plan: 'none' })];
    await expect(jobs.createMany(admin, items)).rejects.toMatchObject({
      code: 'invalid_request',
      errors: [{ path: 'items.1.payload.plan' }],
    });
    expect((await jobs.list(admin, { limit: 10 })).items).toEqual([]);
  });

  it('has the fields that the row derives from its payload', async () => {
    const { job } = await jobs.create(admin, newSurvey({ plot: ' north ', plan }));
    expect(await jobs.get(admin, job.id)).toMatchObject({
      type: 'survey',
      category: 'manifest',
      payload: { plot: 'north', plan },
      requiredCapabilities: ['survey', 'drone'],
      repository: 'north',
      manifestName: 'fields',
    });
    const other = newSurvey({ plot: 'north', plan }, { requiredCapabilities: ['boat'] });
    await expect(jobs.create(admin, other)).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('is listed under the category of the row', async () => {
    const { job } = await jobs.create(admin, newSurvey({ plot: 'north', plan }));
    await jobs.create(admin, { ...newSurvey({}), type: 'task' });
    const ids = async (query: object) => (await jobs.list(admin, { limit: 10, ...query })).items.map(({ id }) => id);
    expect(await ids({ category: 'manifest' })).toEqual([job.id]);
    expect(await ids({ category: 'manifest', type: 'survey' })).toEqual([job.id]);
    expect(await ids({ category: 'work', type: 'survey' })).toEqual([]);
  });

  it('is shown through the view of the row', async () => {
    const { job } = await jobs.create(admin, newSurvey({ plot: 'north', plan }));
    const call = { principal: admin, params: { jobId: job.id } } as Parameters<
      ReturnType<typeof jobHandlers>['getJob']
    >[0];
    const { body } = await jobHandlers(jobs).getJob(call);
    expect(body).toMatchObject({
      category: 'manifest',
      manifestName: 'fields',
      payload: { plot: 'north', plan: { name: 'fields' } },
    });
    expect(JSON.stringify(body)).not.toContain('fly; look');
  });
});

it('no source file outside the table compares a job type by its name', () => {
  const packages = new URL('../../', import.meta.url);
  const sources = ['core', 'server', 'client', 'cli', 'web'].flatMap((name) =>
    readdirSync(new URL(`${name}/src/`, packages), { recursive: true, encoding: 'utf8' }).flatMap((file) =>
      /\.tsx?$/.test(file) && !/\.(test|contract)\.ts$|\/testing\//.test(file) ? [`${name}/src/${file}`] : [],
    ),
  );
  expect(sources).toContain('core/src/queue/job-types.ts');
  const named =
    /(?:type|jobType)\s*[!=]==?\s*'(?:task|exec|codex_exec|codex_skill|manifest)'|'(?:codex_exec|codex_skill)'/;
  const found = sources.filter((file) => named.test(readFileSync(new URL(file, packages), 'utf8')));
  expect(found).toEqual(['core/src/queue/job-types.ts']);
});
