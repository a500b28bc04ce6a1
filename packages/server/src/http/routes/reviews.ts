import { artifactToJson, type ArtifactRecord } from '@proofhouse/core';
import type { Reviews } from '../../artifacts/review/reviews.ts';
import type { OperationCall } from '../../calls/operation-call.ts';
import type { Handlers } from '../operation-route.ts';

type ReviewOperations =
  | 'approveArtifact'
  | 'rejectArtifact'
  | 'reviewArtifacts'
  | 'archiveArtifact'
  | 'putArtifactArchive'
  | 'supersedeArtifact';

type Archive = 'archiveArtifact' | 'putArtifactArchive';

/** Returns the handlers that move the status of artifacts. */
export function reviewHandlers(reviews: Reviews): Pick<Handlers, ReviewOperations> {
  const archive = async ({ principal, params, body, expectedVersion }: OperationCall<Archive>) =>
    answer(await reviews.move(principal, params.artifactId, { ...body, expectedVersion, to: 'archived' }));
  return {
    approveArtifact: async ({ principal, params, body, expectedVersion }) =>
      answer(await reviews.move(principal, params.artifactId, { ...body, expectedVersion, to: 'approved' })),
    rejectArtifact: async ({ principal, params, body, expectedVersion }) =>
      answer(await reviews.move(principal, params.artifactId, { ...body, expectedVersion, to: 'rejected' })),
    reviewArtifacts: async ({ principal, body }) => ({ body: await reviews.moveMany(principal, body) }),
    archiveArtifact: archive,
    putArtifactArchive: archive,
    supersedeArtifact: async ({ principal, params, body: { by, ...move }, expectedVersion }) =>
      answer(await reviews.supersede(principal, params.artifactId, by, { ...move, expectedVersion })),
  };
}

function answer(artifact: ArtifactRecord) {
  return { body: { artifact: artifactToJson(artifact) } };
}
