export { uploadFile, type FileUpload } from './evidence/file-upload.ts';
export type { DepositAbout, DepositSource, JobContext, JobHandler, JobResult } from './handler/job-handler.ts';
export { runWorker } from './run-worker.ts';
export type { JobOutcome, WorkerLog, WorkerLogEntry, WorkerOptions, WorkerReport } from './worker-options.ts';
