import { artifactToJson } from '@proofhouse/core';
import { requireConditions } from '../../artifacts/job-uploads.ts';
import type { StandaloneUploads } from '../../artifacts/records/standalone-uploads.ts';
import type { Clock } from '../../kernel/time/clock.ts';
import { acceptBody } from '../bytes/accept-body.ts';
import { BodyDigests } from '../bytes/body-digests.ts';
import { requireWholeBody } from '../bytes/body-headers.ts';
import { entityConditions } from '../bytes/conditional.ts';
import { formBoundary } from '../bytes/multipart-form.ts';
import { requireLength } from '../bytes/require-length.ts';
import { readStandaloneForm } from '../bytes/upload-form.ts';
import type { Handlers } from '../operation-route.ts';
import { reauthenticateStaged } from '../reauthenticate-staged.ts';

/** Returns the handler of uploads outside of any job. */
export function standaloneUploadHandlers(
  uploads: StandaloneUploads,
  clock: Clock,
): Pick<Handlers, 'uploadStandaloneArtifact'> {
  return {
    uploadStandaloneArtifact: async ({ principal, idempotencyKey, reauthenticate, request, reply }) => {
      uploads.requireRoom();
      requireWholeBody(request, reply);
      // An upload outside of a job always creates a new artifact, so there is no current ETag that a condition could match.
      requireConditions(entityConditions(request.headers), undefined);
      const { maxBytes } = uploads;
      const digests = new BodyDigests(request.headers);
      const boundary = formBoundary(request.headers['content-type']);
      requireLength(request.headers['content-length'], maxBytes, 'form');
      acceptBody(request, reply);
      const stage = (source: AsyncIterable<Uint8Array>) => uploads.stage(source);
      const { about, staged } = await readStandaloneForm(request.raw, { clock, boundary, maxBytes, digests, stage });
      await reauthenticateStaged(staged, reauthenticate);
      const { artifact, created } = await uploads.add(principal, staged, { ...about, idempotencyKey });
      const body = { artifact: artifactToJson(artifact) };
      return created ? { body } : { status: 200 as const, body };
    },
  };
}
