export { AppError, isAppError, type ErrorCode, type FieldError } from '@proofhouse/core';
export { ArtifactsApi, type ArtifactFilter, type ArtifactForm, type ArtifactUpload } from './artifacts-api.ts';
export type { ByteSource, ByteStream } from './byte-source.ts';
export type { CallInput, CallOptions, CallOutput, JsonOperationId, Page } from './call.ts';
export { pause, systemClock, type Clock } from './clock.ts';
export { contentDigestOf, parseDigestHeader, requireSameDigest } from './digest-header.ts';
export type { Download } from './download.ts';
export { ExperimentApi, type DepositedArtifact, type DepositOptions, type NamedFilter } from './experiment-api.ts';
export { ExperimentsApi, type ExperimentFilter } from './experiments-api.ts';
export type { EventPage, EventRange } from './job-events.ts';
export {
  JobsApi,
  type Claim,
  type ClaimOptions,
  type ClaimedJob,
  type Completion,
  type CompletionResult,
  type JobFilter,
  type JobNote,
} from './jobs-api.ts';
export type { StreamOptions } from './operation-caller.ts';
export { ProofhouseClient, type ClientOptions } from './proofhouse-client.ts';
export { systemRandom, type Random } from './random.ts';
export { defaultRetryPolicy, type RetryPolicy } from './retry-policy.ts';
export { StorageApi, type CollectedSlice, type StorageUsage, type VerifiedSlice } from './storage-api.ts';
export { WorkerTokensApi, type WorkerTokenFilter } from './worker-tokens-api.ts';
export { WorkersApi, type SeenWorker, type WorkerFilter } from './workers-api.ts';
