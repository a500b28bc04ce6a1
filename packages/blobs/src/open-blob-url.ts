import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '@proofhouse/core';
import { FilesystemBackend } from './backends/filesystem/filesystem-backend.ts';
import { MemoryBackend } from './backends/memory/memory-backend.ts';
import type { BlobBackend } from './blob-backend.ts';

export interface OpenBlobUrlOptions {
  /** Allows `memory:`, which loses all blobs at a restart. Default false. */
  readonly allowMemory?: boolean;
}

const accepted = 'file:var/blobs (relative to the working folder), file:///srv/blobs or memory:';

/**
 * Opens the blob backend for a storage URL and returns it. Accepted URLs:
 * - `file:path`: the path is used unchanged, without percent-decoding. It is relative to the working folder.
 * - `file:///path`: a file URL, which is percent-decoded. It must have no host, or the host localhost.
 * - `memory:`: accepted only with `allowMemory`.
 *
 * Throws `invalid_request` for an empty, unknown or malformed URL, `unsupported` for `s3:` and `gs:`, and `unavailable`
 * if the storage cannot be used. Messages do not contain the URL, because it may contain a secret.
 */
export async function openBlobBackend(url: string, options: OpenBlobUrlOptions = {}): Promise<BlobBackend> {
  const backend = backendFor(url, options);
  await backend.open();
  return backend;
}

/**
 * Returns the folder of a `file:` URL, or undefined for other URLs. The folder need not exist. Throws
 * `invalid_request`.
 */
export function blobUrlFolder(url: string): string | undefined {
  return /^file:/i.test(url) ? folderOf(url.slice('file:'.length)) : undefined;
}

function backendFor(url: string, options: OpenBlobUrlOptions): BlobBackend {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  switch (scheme) {
    case 'file':
      return new FilesystemBackend({ root: folderOf(url.slice('file:'.length)) });
    case 'memory':
      return memoryBackend(url, options);
    case 's3':
    case 'gs':
      throw new AppError('unsupported', `Blob storage in ${scheme}: buckets is not built in. Accepted: ${accepted}.`);
    case undefined:
      throw invalidUrl('The blob storage URL is empty or has no scheme.');
    default:
      throw invalidUrl(`There is no blob storage with the scheme ${scheme}:.`);
  }
}

function folderOf(rest: string): string {
  if (rest === '' || rest.includes('\0')) throw invalidUrl('The blob storage URL names no folder.');
  if (!rest.startsWith('//')) return resolve(rest);
  let path: string;
  try {
    path = fileURLToPath(`file:${rest}`);
  } catch (error) {
    throw invalidUrl('The blob storage URL is not a file URL of this machine.', error);
  }
  if (path === '/') throw invalidUrl('The blob storage URL names no folder.');
  return path;
}

function memoryBackend(url: string, options: OpenBlobUrlOptions): BlobBackend {
  if (url.toLowerCase() !== 'memory:') throw invalidUrl('Nothing follows memory: in a blob storage URL.');
  if (options.allowMemory === true) return new MemoryBackend();
  throw invalidUrl('Blobs in memory are lost at a restart and are not allowed here.');
}

function invalidUrl(what: string, cause?: unknown): AppError {
  return new AppError('invalid_request', `${what} Accepted: ${accepted}.`, { cause });
}
