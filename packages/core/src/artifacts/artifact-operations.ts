import { z } from 'zod';
import { artifactSchema, artifactStatuses, artifactTypes } from './artifact.ts';
import { createExperimentSchema, experimentSchema } from '../experiments/experiment.ts';
import type { Operation } from '../operation.ts';
import { operation, page } from '../operation-row.ts';
import { cursorSchema, limitSchema, uuidSchema } from '../values/wire-values.ts';

const artifactParams = z.strictObject({ artifactId: z.string() });
const oneArtifact = z.object({ artifact: artifactSchema });

/** Artifact records whatever door they came through, and the experiments they may belong to. */
export const artifactOperations = {
  listArtifacts: operation({
    method: 'GET',
    path: '/api/artifacts',
    action: 'artifact.list',
    summary: 'List artifacts, newest first',
    description:
      'At most one of jobId, experimentId and createdBy. A worker must narrow the list to what it made or to a job it holds.',
    query: z.strictObject({
      jobId: uuidSchema.optional(),
      experimentId: z.string().max(255).optional(),
      createdBy: z.string().min(1).max(255).optional(),
      status: z.enum(artifactStatuses).optional(),
      type: z.enum(artifactTypes).optional(),
      limit: limitSchema(200, 50),
      cursor: cursorSchema,
    }),
    output: z.object({ artifacts: z.array(artifactSchema), nextCursor: z.string().nullable() }),
    errors: ['unsupported_filter', 'invalid_cursor'],
  }),
  getArtifact: operation({
    method: 'GET',
    path: '/api/artifacts/{artifactId}',
    action: 'artifact.read',
    summary: 'Read the record of an artifact',
    params: artifactParams,
    output: oneArtifact,
    errors: ['artifact_not_found'],
  }),
  readArtifactContent: operation({
    method: 'GET',
    path: '/api/artifacts/{artifactId}/content',
    response: 'bytes',
    action: 'artifact.read',
    summary: 'Download the bytes of an artifact that Proofhouse owns',
    description: 'Single byte ranges (RFC 9110), `ETag`, `Repr-Digest` (RFC 9530); HEAD answers alike.',
    params: artifactParams,
    output: z.unknown(),
    errors: ['artifact_not_found', 'artifact_expired', 'range_not_satisfiable', 'integrity_failure'],
  }),
  pinArtifact: operation({
    method: 'PUT',
    path: '/api/artifacts/{artifactId}/pin',
    action: 'artifact.pin',
    summary: 'Keep the bytes of an artifact whatever retention says',
    params: artifactParams,
    output: oneArtifact,
    errors: ['artifact_not_found', 'artifact_expired', 'version_conflict'],
  }),
  unpinArtifact: operation({
    method: 'DELETE',
    path: '/api/artifacts/{artifactId}/pin',
    action: 'artifact.pin',
    summary: 'Let retention decide about an artifact again',
    params: artifactParams,
    output: oneArtifact,
    errors: ['artifact_not_found', 'version_conflict'],
  }),
  createExperiment: operation({
    method: 'POST',
    path: '/api/experiments',
    request: 'json',
    status: 201,
    action: 'experiment.manage',
    summary: 'Make an experiment, with its standing groups',
    body: createExperimentSchema,
    output: experimentSchema,
    errors: ['already_exists', 'invalid_name'],
  }),
  listExperiments: operation({
    method: 'GET',
    path: '/api/experiments',
    action: 'experiment.manage',
    summary: 'List experiments, newest first',
    query: z.strictObject({ limit: limitSchema(200, 50), cursor: cursorSchema }),
    output: page(experimentSchema),
    errors: ['invalid_cursor'],
  }),
} as const satisfies Record<string, Operation>;
