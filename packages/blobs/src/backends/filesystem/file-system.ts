import type { BigIntStats } from 'node:fs';
import * as promises from 'node:fs/promises';

/**
 * The functions of `node:fs/promises` that the filesystem backend uses. They are an interface so that tests can make each
 * call fail, or stop the process at each call.
 */
export interface FileSystem {
  open(path: string, flags: number, mode?: number): Promise<OpenFile>;
  link(existing: string, created: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  mkdir(path: string, mode: number): Promise<unknown>;
  chmod(path: string, mode: number): Promise<void>;
  lstat(path: string, options: { bigint: true }): Promise<BigIntStats>;
  realpath(path: string): Promise<string>;
  opendir(path: string, options: { bufferSize: number }): Promise<AsyncIterable<{ readonly name: string }>>;
}

/** The methods of a `FileHandle` that the filesystem backend uses. */
export interface OpenFile {
  writev(chunks: Uint8Array[]): Promise<{ bytesWritten: number }>;
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
  stat(options: { bigint: true }): Promise<BigIntStats>;
  chmod(mode: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export const nodeFileSystem: FileSystem = promises;
