export {
  requireCleanName,
  uploadFile,
  uploadMasked,
  type ArtifactAbout,
  type MaskedUpload,
  type UploadMasking,
} from './evidence/masked-upload.ts';
export { EvidenceFile } from './evidence/evidence-file.ts';
export type { DepositAbout, DepositSource, JobContext, JobHandler, JobResult } from './handler/job-handler.ts';
export { runWorker } from './run-worker.ts';
export type { JobOutcome, WorkerLog, WorkerLogEntry, WorkerOptions, WorkerReport } from './worker-options.ts';
