import { join, resolve } from 'node:path';
import { AppError, builtInJobTypes } from '@proofhouse/core';
import { isLoopback } from '../kernel/loopback.ts';
import type { GivenSettings } from './settings.ts';

export type Mode = 'local' | 'test' | 'production';

/** Everything the server was told, checked once and frozen. Sizes in bytes, times in milliseconds. */
export interface Config {
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  readonly databaseUrl: string;
  readonly blobUrl: string;
  readonly jobViewRoot: string;
  readonly maxArtifactBytes: number;
  readonly jobArtifactMaxBytes: number;
  readonly adminToken: string | undefined;
  readonly authRequired: boolean;
  readonly mode: Mode;
  readonly publicUrl: string | undefined;
  readonly basePath: string;
  readonly trustProxy: readonly string[];
  readonly durableFilesystem: boolean;
  readonly jobTypes: readonly string[];
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly shutdownMs: number;
}

/** Fills in defaults and checks what belongs together. Throws `invalid_request` naming both settings. */
export function completeConfig(given: GivenSettings): Config {
  const host = given.host ?? '127.0.0.1';
  const loopback = isLoopback(host);
  const dataDir = resolve(given.dataDir ?? 'var');
  const maxArtifactBytes = given.maxArtifactBytes ?? 1024 ** 3;
  const config: Config = {
    host,
    port: given.port ?? 8750,
    dataDir,
    databaseUrl: given.databaseUrl ?? `sqlite:${join(dataDir, 'proofhouse.db')}`,
    blobUrl: given.blobUrl ?? `file:${join(dataDir, 'blobs')}`,
    jobViewRoot: resolve(jobViewRoot(given, dataDir)),
    maxArtifactBytes,
    jobArtifactMaxBytes: given.jobArtifactMaxBytes ?? maxArtifactBytes,
    adminToken: given.adminToken,
    authRequired: given.auth !== 'disabled',
    mode: given.mode ?? (loopback ? 'local' : 'production'),
    publicUrl: given.publicUrl?.replace(/\/$/, ''),
    basePath: given.basePath ?? '',
    trustProxy: given.trustProxy ?? [],
    durableFilesystem: given.durableFilesystem ?? false,
    jobTypes: [...builtInJobTypes, ...(given.jobTypes ?? [])],
    logLevel: given.logLevel ?? 'info',
    shutdownMs: (given.shutdownSeconds ?? 30) * 1000,
  };
  if (!config.authRequired && !loopback) {
    throw wrong(
      `PROOFHOUSE_AUTH=disabled is only for loopback, and PROOFHOUSE_HOST is ${host}: ` +
        'bind to 127.0.0.1, or leave authentication on.',
    );
  }
  refuseFleetingStorage(config);
  return Object.freeze(config);
}

function jobViewRoot(given: GivenSettings, dataDir: string): string {
  if (given.jobArtifactRoot !== undefined) return given.jobArtifactRoot;
  return join(given.artifactRoot ?? join(dataDir, 'artifacts'), 'agent_jobs');
}

// Production never keeps anything where a restart loses it without having been told so.
function refuseFleetingStorage(config: Config): void {
  if (config.mode !== 'production') return;
  if (config.blobUrl.startsWith('memory:') || config.databaseUrl === 'sqlite::memory:') {
    throw wrong('Memory stores lose everything at a restart and are refused when PROOFHOUSE_MODE is production.');
  }
  if (config.blobUrl.startsWith('file:') && !config.durableFilesystem) {
    throw wrong(
      `PROOFHOUSE_MODE is production (PROOFHOUSE_HOST is ${config.host}) and PROOFHOUSE_BLOB_URL is a folder: ` +
        'set PROOFHOUSE_DURABLE_FILESYSTEM=true if its disk survives the machine, or PROOFHOUSE_MODE=local.',
    );
  }
}

function wrong(message: string): AppError {
  return new AppError('invalid_request', message);
}
