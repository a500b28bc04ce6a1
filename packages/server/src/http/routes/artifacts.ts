import { isAppError, jobArtifactToJson, type ArtifactRecord } from '@proofhouse/core';
import { contentTypeOf } from '../../artifacts/content-type-of.ts';
import type { Artifacts } from '../../artifacts/artifacts.ts';
import type { Excerpts } from '../../artifacts/excerpts.ts';
import type { JobUploads } from '../../artifacts/job-uploads.ts';
import { holderOf } from '../../jobs/job-holder.ts';
import type { Clock } from '../../kernel/time/clock.ts';
import { acceptBody } from '../bytes/accept-body.ts';
import { reauthenticateStaged } from '../reauthenticate-staged.ts';
import { BodyDigests } from '../bytes/body-digests.ts';
import { requireWholeBody } from '../bytes/body-headers.ts';
import { byteBody } from '../bytes/byte-body.ts';
import { entityConditions } from '../bytes/conditional.ts';
import { limits } from '../limits.ts';
import { findField, formBoundary } from '../bytes/multipart-form.ts';
import type { Handlers, HttpCall } from '../operation-route.ts';
import { requireLength } from '../bytes/require-length.ts';
import { sendArtifact } from '../bytes/send-artifact.ts';
import { readUploadForm } from '../bytes/upload-form.ts';
import { sameValue } from './jobs.ts';

type ArtifactOperations =
  'uploadArtifact' | 'putArtifact' | 'listJobArtifacts' | 'downloadArtifact' | 'excerptArtifact';

export interface JobArtifactParts {
  readonly artifacts: Artifacts;
  readonly jobUploads: JobUploads;
  readonly excerpts: Excerpts;
  readonly clock: Clock;
}

/** Returns the HTTP handlers that upload, list and read the artifacts of a job. */
export function artifactHandlers({
  artifacts,
  jobUploads,
  excerpts,
  clock,
}: JobArtifactParts): Pick<Handlers, ArtifactOperations> {
  return {
    uploadArtifact: async ({ principal, params, leaseId, idempotencyKey, reauthenticate, request, reply }) => {
      const early = await jobUploads.permitUpload(principal, params.jobId, leaseId).catch(async (refusal: unknown) => {
        if (isAppError(refusal, 'job_state_conflict') || isAppError(refusal, 'worker_not_authorized')) {
          await permitByField(jobUploads, clock, { principal, params, leaseId, request, reply });
        }
        throw refusal;
      });
      requireWholeBody(request, reply);
      const conditions = entityConditions(request.headers);
      const digests = new BodyDigests(request.headers);
      const boundary = formBoundary(request.headers['content-type']);
      requireLength(request.headers['content-length'], early.maxBytes, 'form');
      acceptBody(request, reply);
      const form = await readUploadForm(request.raw, {
        clock,
        boundary,
        maxBytes: early.maxBytes,
        digests,
        stage: (source) => jobUploads.stage(early, source),
        checkWorker: (workerId) => {
          if (principal.kind === 'worker') holderOf(principal, workerId);
        },
        checkLease: (fieldLease) => sameValue('leaseId', leaseId, fieldLease),
      });
      await reauthenticateStaged(form.staged, reauthenticate);
      const permit =
        early.fence === undefined ? early : { ...early, fence: { ...early.fence, leaseId: leaseId ?? form.leaseId } };
      const contentType = contentTypeOf(form.about.name, form.about.contentType, form.partContentType);
      return answer(
        await jobUploads.add(permit, form.staged, { ...form.about, contentType, conditions, idempotencyKey }),
      );
    },
    putArtifact: (call) => putArtifact(jobUploads, clock, call),
    listJobArtifacts: async ({ principal, params, query }) => {
      const { items, nextCursor } = await artifacts.listOfJob(principal, params.jobId, query);
      return { body: { items: items.map(jobArtifactToJson), nextCursor } };
    },
    downloadArtifact: async ({ principal, params, request, reply }) => {
      const artifact = await artifacts.getOfJob(principal, params.jobId, params.artifactId);
      return sendArtifact(request, reply, artifacts, artifact);
    },
    excerptArtifact: async ({ principal, params, query, signal }) => {
      const artifact = await artifacts.getOfJob(principal, params.jobId, params.artifactId);
      return { body: await excerpts.read(principal, artifact, query, signal) };
    },
  };
}

/** Handles an upload whose body is exactly the bytes of the artifact, without a form. */
async function putArtifact(uploads: JobUploads, clock: Clock, call: HttpCall<'putArtifact'>) {
  const { principal, params, query, leaseId, idempotencyKey, reauthenticate, request, reply } = call;
  const permit = await uploads.permitUpload(principal, params.jobId, leaseId);
  uploads.checkName(params.name);
  requireWholeBody(request, reply);
  const conditions = entityConditions(request.headers);
  // A request with an idempotency key skips this early check, because it may be a repetition that must get the first
  // answer. Its condition may no longer hold, because the first request created the artifact.
  if (idempotencyKey === undefined) await uploads.checkConditions(permit, params.name, conditions);
  const digests = new BodyDigests(request.headers);
  const sha256 = digests.takeSha256();
  requireLength(request.headers['content-length'], permit.maxBytes, 'body');
  acceptBody(request, reply);
  const staged = await uploads.stage(permit, digests.checked(byteBody(request.raw, clock)));
  await reauthenticateStaged(staged, reauthenticate);
  const contentType = contentTypeOf(params.name, request.bytesType);
  return answer(
    await uploads.add(permit, staged, {
      name: params.name,
      contentType,
      sha256,
      conditions,
      ...query,
      idempotencyKey,
    }),
  );
}

/**
 * Called after `permitUpload` refused an upload. A client may send the lease id in the form field `leaseId` instead of
 * the header. An ended lease must cause `lease_lost` in every state of the job. So this function reads the field, and
 * checks the upload again with its value. It throws the error of the second check. It does nothing if the header has a
 * lease id, or if the form is larger than `limits.drainBytes`.
 */
async function permitByField(
  uploads: JobUploads,
  clock: Clock,
  call: Pick<HttpCall<'uploadArtifact'>, 'principal' | 'params' | 'leaseId' | 'request' | 'reply'>,
): Promise<void> {
  const length = Number(call.request.headers['content-length'] ?? Infinity);
  if (call.leaseId !== undefined || call.principal.kind !== 'worker' || length > limits.drainBytes) return;
  const boundary = formBoundary(call.request.headers['content-type']);
  acceptBody(call.request, call.reply);
  const leaseId = await findField(call.request.raw, 'leaseId', { clock, boundary, maxBytes: limits.drainBytes });
  if (leaseId !== undefined) await uploads.permitUpload(call.principal, call.params.jobId, leaseId);
}

function answer({ artifact, created }: { artifact: ArtifactRecord; created: boolean }) {
  const body = jobArtifactToJson(artifact);
  return created ? { body } : { status: 200 as const, body };
}
