import { expect, it } from 'vitest';
import type { z } from 'zod';
import { operations } from '../operations.ts';
import { parseFields } from './parse-fields.ts';

const { createJob, createWorkerToken, listArtifacts, listEvents, listJobs } = operations;

function messageOf(schema: z.ZodType, value: unknown): string {
  try {
    parseFields(schema, value);
    return 'nothing';
  } catch (error) {
    return (error as Error).message.replace('The request is not valid: ', '');
  }
}

it.each([
  [listJobs.query, { limit: '500' }, 'limit: must be at most 200, not 500.'],
  [listEvents.query, { after: 'first' }, 'after: must be a number, not "first".'],
  [listJobs.query, { limit: '1.5' }, 'limit: must be a whole number, not "1.5".'],
  [listArtifacts.query, { jobId: 'x' }, 'jobId: must be an id such as 0190b2c4-7d3e-7000-8000-000000000000, not "x".'],
  [
    createJob.body,
    { type: 'exec', notBefore: 'soon' },
    'notBefore: must be a time such as 2026-01-31T09:30:00Z, not "soon".',
  ],
  [createJob.body, {}, 'type: is required.'],
  [createJob.body, null, 'body: must be an object, not null.'],
  [createJob.body, { type: 'exec', affinityKey: '' }, 'affinityKey: must not be empty.'],
  [
    createJob.body,
    { type: 'exec', affinityKey: 'x'.repeat(300) },
    'affinityKey: must have at most 255 characters, not 300.',
  ],
  [
    createWorkerToken.body,
    { workerId: 'a:b' },
    'workerId: must not contain a colon nor be "admin", "system" or "internal".',
  ],
])('a field that does not fit is told what is wanted and what was given', (schema, value, words) => {
  expect(messageOf(schema, value)).toBe(words);
});

it('long values are shown by their beginning', () => {
  expect(messageOf(listJobs.query, { status: 'x'.repeat(5000) }).length).toBeLessThan(250);
});
