import { z } from 'zod';
import type { Operation } from '../operation.ts';
import { operation, page } from '../operation-row.ts';
import { cursorSchema, limitSchema } from '../values/wire-values.ts';
import { createExperimentSchema, experimentSchema } from './experiment.ts';

/** Operations on experiments. The operations on workers and groups of an experiment are on /v0 (`v0-operations.ts`). */
export const experimentOperations = {
  createExperiment: operation({
    method: 'POST',
    path: '/api/experiments',
    request: 'json',
    status: 201,
    action: 'experiment.create',
    summary: 'Make an experiment, with its standing groups',
    body: createExperimentSchema,
    output: experimentSchema,
    errors: ['already_exists', 'invalid_name', 'secret_found'],
  }),
  listExperiments: operation({
    method: 'GET',
    path: '/api/experiments',
    action: 'experiment.list',
    summary: 'List experiments, newest first',
    query: z.strictObject({ limit: limitSchema(200, 50), cursor: cursorSchema }),
    output: page(experimentSchema),
    errors: ['invalid_cursor'],
  }),
} as const satisfies Record<string, Operation>;
