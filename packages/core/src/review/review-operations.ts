import { z } from 'zod';
import { artifactSchema } from '../artifacts/artifact.ts';
import type { Operation } from '../operation.ts';
import { operation } from '../operation-row.ts';
import { jobSchema } from '../queue/job.ts';
import {
  moveSchema,
  rejectSchema,
  reviewManyResultSchema,
  reviewManySchema,
  reviewSchema,
  supersedeSchema,
} from './review-input.ts';

const artifactParams = z.strictObject({ artifactId: z.string() });
const oneArtifact = z.object({ artifact: artifactSchema });
const moveErrors = ['artifact_not_found', 'version_conflict', 'review_conflict', 'secret_found'] as const;

const archive = {
  request: 'json',
  action: 'artifact.update',
  versioned: true,
  summary: 'Archive an artifact',
  description: 'Nothing is deleted. PUT of its status to `draft` restores it. A worker archives its own drafts.',
  params: artifactParams,
  body: moveSchema,
  output: oneArtifact,
  errors: moveErrors,
} as const;

/** Operations that move the status of artifacts. Each move is an entry in the history of its artifact. */
export const reviewOperations = {
  approveArtifact: operation({
    method: 'POST',
    path: '/api/artifacts/{artifactId}/approve',
    request: 'json',
    action: 'artifact.review',
    versioned: true,
    summary: 'Approve an artifact',
    description:
      'Stamps reviewedBy, reviewedAt, reviewedDigest and reviewNote. With `digest` or `expectedVersion`, only what the caller has seen is approved. A pointer without checksum is approved as `unbound`.',
    params: artifactParams,
    body: reviewSchema,
    output: oneArtifact,
    errors: moveErrors,
  }),
  rejectArtifact: operation({
    method: 'POST',
    path: '/api/artifacts/{artifactId}/reject',
    request: 'json',
    action: 'artifact.review',
    audit: { fields: ['requeue'] },
    versioned: true,
    summary: 'Reject an artifact',
    description:
      'Stamps the record as an approval does. Also takes an approval back. With `requeue` the same commit creates a new job, whose `parentJobId` is the job of the artifact; an artifact without a job is refused with `review_conflict`.',
    params: artifactParams,
    body: rejectSchema,
    output: oneArtifact.extend({ job: jobSchema.optional().meta({ description: 'The new job, with `requeue`.' }) }),
    errors: [...moveErrors, 'job_not_found'],
  }),
  reviewArtifacts: operation({
    method: 'POST',
    path: '/api/artifacts/review',
    request: 'json',
    action: 'artifact.review',
    audit: { fields: ['decision'] },
    summary: 'Approve or reject many artifacts; each by itself',
    description: 'The results are in the order of the items. Each item names the digest and the version that was seen.',
    body: reviewManySchema,
    output: reviewManyResultSchema,
  }),
  archiveArtifact: operation({ method: 'POST', path: '/api/artifacts/{artifactId}/archive', ...archive }),
  putArtifactArchive: operation({ method: 'PUT', path: '/api/artifacts/{artifactId}/archive', ...archive }),
  supersedeArtifact: operation({
    method: 'POST',
    path: '/api/artifacts/{artifactId}/supersede',
    request: 'json',
    action: 'artifact.review',
    audit: { fields: ['by'] },
    versioned: true,
    summary: 'Mark an approved artifact as replaced by another one',
    description:
      'The history of each names the other. The digest of the old one becomes the `previousDigest` of the new one.',
    params: artifactParams,
    body: supersedeSchema,
    output: oneArtifact,
    errors: moveErrors,
  }),
} as const satisfies Record<string, Operation>;
