import { actorToJson, depositToJson, standingGroups } from '@proofhouse/core';
import type { Artifacts } from '../../artifacts/artifacts.ts';
import type { Deposits } from '../../artifacts/deposits.ts';
import type { Groups } from '../../experiments/groups.ts';
import type { Clock } from '../../kernel/time/clock.ts';
import { requireConditions } from '../../artifacts/job-uploads.ts';
import { acceptBody } from '../bytes/accept-body.ts';
import { reauthenticateStaged } from '../reauthenticate-staged.ts';
import { BodyDigests } from '../bytes/body-digests.ts';
import { requireWholeBody } from '../bytes/body-headers.ts';
import { entityConditions } from '../bytes/conditional.ts';
import { readDepositForm } from '../bytes/deposit-form.ts';
import { formBoundary } from '../bytes/multipart-form.ts';
import type { Handlers } from '../operation-route.ts';
import { requireLength } from '../bytes/require-length.ts';
import { sendArtifact } from '../bytes/send-artifact.ts';

export interface V0ArtifactParts {
  readonly deposits: Deposits;
  readonly artifacts: Artifacts;
  readonly groups: Groups;
  readonly clock: Clock;
}

/** Returns the handlers of /v0 that deposit artifacts, fetch artifacts and grant access to them. */
export function v0ArtifactHandlers({
  deposits,
  artifacts,
  groups,
  clock,
}: V0ArtifactParts): Pick<Handlers, 'depositArtifact' | 'fetchArtifact' | 'grantRead'> {
  return {
    depositArtifact: async ({ principal, params, idempotencyKey, reauthenticate, request, reply }) => {
      const permit = await deposits.permit(principal, params.experimentId);
      requireLength(request.headers['content-length'], permit.maxBytes, 'form');
      requireWholeBody(request, reply);
      // A deposit always creates a new artifact, so there is no current ETag that a condition could match.
      requireConditions(entityConditions(request.headers), undefined);
      const digests = new BodyDigests(request.headers);
      const boundary = formBoundary(request.headers['content-type']);
      acceptBody(request, reply);
      const { staged, contentType, filename } = await readDepositForm(request.raw, {
        clock,
        boundary,
        maxBytes: permit.maxBytes,
        digests,
        stage: (source) => deposits.stage(permit, source),
      });
      await reauthenticateStaged(staged, reauthenticate);
      const { artifact } = await deposits.deposit(permit, staged, { contentType, filename, idempotencyKey });
      // A repeated deposit gets the status 201 again. Its client lost the first answer and expects this status.
      return { body: depositToJson(artifact) };
    },
    fetchArtifact: async ({ principal, params, query, request, reply }) => {
      const artifact = await deposits.findByUri(principal, params.experimentId, query.uri);
      return sendArtifact(request, reply, artifacts, artifact);
    },
    grantRead: async ({ principal, params, body }) => {
      const { uri } = body;
      const reader = (standingGroups as readonly string[]).includes(body.reader)
        ? (await groups.get(params.experimentId, body.reader)).id
        : body.reader;
      const grant = await deposits.grantRead(principal, params.experimentId, uri, reader);
      const granted_at = new Date(grant.grantedAt).toISOString();
      return { body: { uri, reader, granted_by: actorToJson(grant.grantedBy), granted_at } };
    },
  };
}
