export { AppError, isAppError, type ErrorCode, type FieldError } from '@proofhouse/core';
export {
  ArtifactRecordsApi,
  type ArtifactChanges,
  type ArtifactRegistration,
  type RecordFilter,
  type StandaloneUpload,
} from './api/artifact-records-api.ts';
export { ArtifactsApi, type ArtifactFilter, type ArtifactForm, type ArtifactUpload } from './api/artifacts-api.ts';
export type { ByteSource, ByteStream } from './transport/byte-source.ts';
export type { CallInput, CallOptions, CallOutput, JsonOperationId, Page } from './transport/call.ts';
export { pause, systemClock, type Clock } from './transport/clock.ts';
export { contentDigestOf, parseDigestHeader, requireSameDigest } from './transport/digest-header.ts';
export type { Download } from './download.ts';
export { ExperimentApi, type DepositedArtifact, type DepositOptions, type NamedFilter } from './api/experiment-api.ts';
export { ExperimentsApi, type ExperimentFilter } from './api/experiments-api.ts';
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
} from './api/jobs-api.ts';
export type { StreamOptions } from './transport/operation-caller.ts';
export { ProofhouseClient, type ClientOptions } from './proofhouse-client.ts';
export { systemRandom, type Random } from './transport/random.ts';
export { defaultRetryPolicy, type RetryPolicy } from './transport/retry-policy.ts';
export { StorageApi, type CollectedSlice, type StorageUsage, type VerifiedSlice } from './api/storage-api.ts';
export { WorkerTokensApi, type WorkerTokenFilter } from './api/worker-tokens-api.ts';
export { WorkersApi, type SeenWorker, type WorkerFilter } from './api/workers-api.ts';
