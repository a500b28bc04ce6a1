export * from './blob-backend.ts';
export * from './blobs.ts';
export * from './open-blob-url.ts';
export { FilesystemBackend, type FilesystemBackendOptions } from './backends/filesystem/filesystem-backend.ts';
export { MemoryBackend, type MemoryBackendOptions } from './backends/memory/memory-backend.ts';
export { blobFileStat } from './backends/filesystem/blob-file-stat.ts';
export { blobFolders } from './backends/filesystem/filesystem-layout.ts';
export { readMarkerFile, writeMarkerFile, type MarkerPlace } from './backends/filesystem/marker-file.ts';
