import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { isAppError, type AppError } from '../app-error.ts';
import { builtInJobTypes, decodePayload, jobTypeOf, jobTypesOf, plainJobType, type JobType } from './job-types.ts';

const survey: JobType<{ plot: string }> = {
  ...plainJobType('survey'),
  payloadSchema: z.strictObject({ plot: z.string().trim().min(1) }),
  derive: ({ plot }) => ({ requiredCapabilities: ['survey'], repository: plot }),
};

function refusalOf(act: () => unknown): AppError | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (isAppError(error)) return error;
    throw error;
  }
}

describe('a plain job type', () => {
  const plain = plainJobType('nightly');

  it('keeps any payload as it is', () => {
    const payload = { a: [1, { b: null }], requiredCapabilities: null };
    expect(decodePayload(plain, payload).payload).toBe(payload);
    expect(plain.view(payload)).toBe(payload);
  });

  it('takes capabilities and the repository from the payload, in lower case and in the given order', () => {
    const payload = { requiredCapabilities: [' Git', 'docker', 'GIT', 'apt'], repository: ' acme/app ' };
    expect(decodePayload(plain, payload)).toMatchObject({
      requiredCapabilities: ['git', 'docker', 'apt'],
      repository: 'acme/app',
    });
    expect(decodePayload(plain, {})).toMatchObject({ requiredCapabilities: undefined, repository: null });
  });

  it.each([
    [{ requiredCapabilities: 'git' }, 'payload.requiredCapabilities'],
    [{ requiredCapabilities: [''] }, 'payload.requiredCapabilities.0'],
    [{ repository: 5 }, 'payload.repository'],
    [{ repository: 'a\nb' }, 'payload.repository'],
  ])('refuses %j by its path', (payload, path) => {
    const refusal = refusalOf(() => decodePayload(plain, payload));
    expect(refusal).toMatchObject({ code: 'invalid_request', errors: [{ path }] });
  });
});

describe('a job type with a payload contract', () => {
  it('keeps what the schema makes of the payload, and derives from that', () => {
    expect(decodePayload(survey, { plot: ' north ' })).toEqual({
      payload: { plot: 'north' },
      requiredCapabilities: ['survey'],
      repository: 'north',
    });
  });

  it('refuses a payload that does not fit, with the path of each field', () => {
    const refusal = refusalOf(() => decodePayload(survey, { plot: '', depth: 3 }));
    expect(refusal?.code).toBe('invalid_request');
    expect(refusal?.errors.map(({ path }) => path)).toEqual(['payload.plot', 'payload.depth']);
  });
});

describe('the table of job types', () => {
  it('has built-in rows under their names and plain rows for configured names', () => {
    const types = jobTypesOf([...builtInJobTypes.map(({ name }) => name), 'nightly', 'task']);
    expect([...types.keys()]).toEqual(['task', 'exec', 'codex_exec', 'codex_skill', 'manifest', 'nightly']);
    for (const row of builtInJobTypes) expect(types.get(row.name)).toBe(row);
    expect([...types.values()].filter(({ category }) => category !== 'work').map(({ name }) => name)).toEqual([
      'manifest',
    ]);
  });

  it('treats a stored job whose type is no longer configured as plain', () => {
    expect(jobTypeOf(jobTypesOf(['task']), 'nightly')).toMatchObject({ name: 'nightly', category: 'work' });
  });
});
