import { artifactToJson, experimentToJson, historyToJson } from '@proofhouse/core';
import type { Artifacts } from '../../artifacts/artifacts.ts';
import type { Registrations } from '../../artifacts/records/registrations.ts';
import type { Updates } from '../../artifacts/records/updates.ts';
import type { Experiments } from '../../experiments/experiments.ts';
import type { Users } from '../../users/users.ts';
import type { Handlers } from '../operation-route.ts';
import { sendArtifact, sendPreview } from '../bytes/send-artifact.ts';

type RecordOperations =
  | 'registerArtifact'
  | 'updateArtifact'
  | 'listArtifactHistory'
  | 'listArtifacts'
  | 'getArtifact'
  | 'readArtifactContent'
  | 'previewArtifact'
  | 'pinArtifact'
  | 'unpinArtifact'
  | 'createExperiment'
  | 'listExperiments';

export interface ArtifactRecordParts {
  readonly artifacts: Artifacts;
  readonly registrations: Registrations;
  readonly updates: Updates;
  readonly experiments: Experiments;
  readonly users: Users;
}

/** Returns the handlers for artifact records, of uploads, deposits and registrations, and for experiments. */
export function artifactRecordHandlers({
  artifacts,
  registrations,
  updates,
  experiments,
  users,
}: ArtifactRecordParts): Pick<Handlers, RecordOperations> {
  return {
    registerArtifact: async ({ principal, body, leaseId, idempotencyKey }) => {
      const { artifact, created } = await registrations.register(principal, body, { leaseId, idempotencyKey });
      const answer = { body: { artifact: artifactToJson(artifact) } };
      return created ? answer : { status: 200 as const, ...answer };
    },
    updateArtifact: async ({ principal, params, body, expectedVersion }) => {
      const artifact = await updates.update(principal, params.artifactId, body, expectedVersion);
      return { body: { artifact: artifactToJson(artifact) } };
    },
    listArtifactHistory: async ({ principal, params, query }) => {
      const { items, nextCursor } = await artifacts.history(principal, params.artifactId, query);
      return { body: { items: items.map(historyToJson), nextCursor } };
    },
    listArtifacts: async ({ principal, query }) => {
      const { createdBy } = query;
      // A worker may list only artifacts that it created itself. So if the caller is a worker, the id can only be its
      // own.
      const isNamed = createdBy !== undefined && principal.kind !== 'worker';
      const filter = isNamed ? { ...query, createdBy: await users.actorNamed(createdBy) } : query;
      const { items, nextCursor } = await artifacts.list(principal, filter);
      return { body: { artifacts: items.map(artifactToJson), nextCursor } };
    },
    getArtifact: async ({ principal, params }) => {
      return { body: { artifact: artifactToJson(await artifacts.get(principal, params.artifactId)) } };
    },
    readArtifactContent: async ({ principal, params, request, reply }) => {
      return sendArtifact(request, reply, artifacts, await artifacts.get(principal, params.artifactId));
    },
    previewArtifact: async ({ principal, params, request, reply }) => {
      return sendPreview(request, reply, artifacts, await artifacts.get(principal, params.artifactId));
    },
    pinArtifact: async ({ params }) => {
      return { body: { artifact: artifactToJson(await artifacts.pin(params.artifactId, true)) } };
    },
    unpinArtifact: async ({ params }) => {
      return { body: { artifact: artifactToJson(await artifacts.pin(params.artifactId, false)) } };
    },
    createExperiment: async ({ principal, body }) => {
      return { body: experimentToJson(await experiments.create(principal, body)) };
    },
    listExperiments: async ({ query }) => {
      const { items, nextCursor } = await experiments.list(query);
      return { body: { items: items.map(experimentToJson), nextCursor } };
    },
  };
}
