import { join, resolve } from 'node:path';
import { AppError, builtInJobTypes, usualRetentionDays, type RetentionPolicy } from '@proofhouse/core';
import type { AllowedHost } from '../kernel/host-name.ts';
import { usualLoadLimits, type LoadLimits } from '../kernel/load.ts';
import { isLoopback } from '../kernel/host-name.ts';
import { requireLastingStorage, type StorageChoice } from './lasting-storage.ts';
import { completeOidc, type OidcConfig } from './oidc.ts';
import type { GivenSettings } from './settings.ts';

/** The settings of a server, checked once and frozen. Sizes in bytes, times in milliseconds. */
export interface Config extends StorageChoice {
  readonly port: number;
  readonly dataDir: string;
  readonly jobViewRoot: string;
  readonly maxArtifactBytes: number;
  readonly jobArtifactMaxBytes: number;
  readonly adminToken: string | undefined;
  readonly authRequired: boolean;
  /** The OpenID Connect provider. Undefined if no setting names one. */
  readonly oidc: OidcConfig | undefined;
  readonly publicUrl: string | undefined;
  readonly allowedHosts: readonly AllowedHost[];
  readonly basePath: string;
  readonly trustProxy: readonly string[];
  readonly secretPolicy: 'off' | 'flag' | 'reject';
  /** True if the creator of an artifact may not approve it. */
  readonly distinctReviewer: boolean;
  /** For each artifact type, the days after which bytes expire. Empty if retention is off. */
  readonly retention: RetentionPolicy;
  readonly collectGraceMs: number;
  /** Time between two collections. If 0, the server collects only on request. */
  readonly collectEveryMs: number;
  readonly storageQuotaBytes: number | undefined;
  readonly storageWarnPercent: number;
  readonly jobTypes: readonly string[];
  /** Id of an experiment that is created at the start if it does not exist. */
  readonly experiment: string | undefined;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly loadLimits: LoadLimits;
  readonly maxConnections: number;
  readonly stalledMs: number;
  readonly keepAliveMs: number;
  readonly shutdownMs: number;
}

/** Adds defaults, and checks settings that depend on each other. Errors: `invalid_request`, which names both settings. */
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
    oidc: completeOidc(given),
    mode: given.mode ?? (loopback ? 'local' : 'production'),
    publicUrl: given.publicUrl?.replace(/\/$/, ''),
    allowedHosts: given.allowedHosts ?? [],
    basePath: given.basePath ?? '',
    trustProxy: given.trustProxy ?? [],
    durableFilesystem: given.durableFilesystem ?? false,
    lambdaFunction: given.lambdaFunction,
    secretPolicy: given.secretPolicy ?? 'flag',
    distinctReviewer: given.distinctReviewer ?? false,
    ...storageCare(given),
    jobTypes: [...builtInJobTypes.map(({ name }) => name), ...(given.jobTypes ?? [])],
    experiment: given.experiment,
    logLevel: given.logLevel ?? 'info',
    loadLimits: given.loadLimits ?? usualLoadLimits,
    maxConnections: given.maxConnections ?? 10_000,
    stalledMs: (given.stalledSeconds ?? 120) * 1000,
    keepAliveMs: (given.keepAliveSeconds ?? 72) * 1000,
    shutdownMs: (given.shutdownSeconds ?? 30) * 1000,
  };
  if (!config.authRequired && !loopback) {
    throw wrong(
      `PROOFHOUSE_AUTH=disabled is only for loopback, and PROOFHOUSE_HOST is ${host}: ` +
        'bind to 127.0.0.1, or leave authentication on.',
    );
  }
  requireLastingStorage(config);
  return Object.freeze(config);
}

function jobViewRoot(given: GivenSettings, dataDir: string): string {
  if (given.jobArtifactRoot !== undefined) return given.jobArtifactRoot;
  return join(given.artifactRoot ?? join(dataDir, 'artifacts'), 'agent_jobs');
}

const hourMs = 3_600_000;

function storageCare(given: GivenSettings) {
  return {
    retention: { days: given.retention === 'on' ? (given.retentionDays ?? usualRetentionDays) : {} },
    collectGraceMs: (given.collectGraceHours ?? 24) * hourMs,
    collectEveryMs: (given.collectEveryHours ?? 0) * hourMs,
    storageQuotaBytes: given.storageQuotaBytes,
    storageWarnPercent: given.storageWarnPercent ?? 80,
  };
}

function wrong(message: string): AppError {
  return new AppError('invalid_request', message);
}
