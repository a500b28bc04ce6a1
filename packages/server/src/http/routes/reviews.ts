import { artifactToJson, jobToJson, type ArtifactRecord } from '@proofhouse/core';
import type { Reviews } from '../../artifacts/review/reviews.ts';
import type { OperationCall } from '../../calls/operation-call.ts';
import type { Jobs } from '../../jobs/jobs.ts';
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
export function reviewHandlers(reviews: Reviews, jobs: Jobs): Pick<Handlers, ReviewOperations> {
  const archive = async ({ principal, params, body, expectedVersion }: OperationCall<Archive>) =>
    answer(await reviews.move(principal, params.artifactId, { ...body, expectedVersion, to: 'archived' }));
  return {
    approveArtifact: async ({ principal, params, body, expectedVersion }) =>
      answer(await reviews.move(principal, params.artifactId, { ...body, expectedVersion, to: 'approved' })),
    rejectArtifact: async ({ principal, params, body: { requeue, ...given }, expectedVersion }) => {
      const move = { ...given, expectedVersion };
      if (requeue !== true)
        return answer(await reviews.move(principal, params.artifactId, { ...move, to: 'rejected' }));
      const { artifact, job } = await reviews.requeue(principal, params.artifactId, move);
      return {
        body: { artifact: artifactToJson(artifact), job: jobToJson(job, { showLease: false, type: jobs.typeOf(job) }) },
      };
    },
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
