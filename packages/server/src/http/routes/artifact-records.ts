import { artifactToJson, experimentToJson } from '@proofhouse/core';
import type { Artifacts } from '../../artifacts/artifacts.ts';
import type { Experiments } from '../../experiments/experiments.ts';
import type { Users } from '../../users/users.ts';
import type { Handlers } from '../operation-route.ts';
import { sendArtifact } from '../bytes/send-artifact.ts';

type RecordOperations =
  | 'listArtifacts'
  | 'getArtifact'
  | 'readArtifactContent'
  | 'pinArtifact'
  | 'unpinArtifact'
  | 'createExperiment'
  | 'listExperiments';

/** Returns the handlers for artifact records, both of uploads and of deposits, and for experiments. */
export function artifactRecordHandlers(
  artifacts: Artifacts,
  experiments: Experiments,
  users: Users,
): Pick<Handlers, RecordOperations> {
  return {
    listArtifacts: async ({ principal, query }) => {
      const { createdBy } = query;
      // A worker lists only what it made itself. For it, every id is that of a worker.
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
