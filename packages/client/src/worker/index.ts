export { uploadFile, type FileUpload } from './evidence/file-upload.ts';
export { runWorker } from './run-worker.ts';
export type { JobOutcome, WorkerLog, WorkerLogEntry, WorkerOptions, WorkerReport } from './worker-options.ts';
