import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { finalStatuses, type JobRecord } from '@proofhouse/core';
import type { JobDepth } from '../jobs/job-depth.ts';
import type { Meter } from '../kernel/meter.ts';

/**
 * Default gauges of prom-client that are removed. Their names end in `_total` like names of counters, and
 * `promtool check metrics` rejects this. For each of them prom-client has another gauge with the same numbers by type.
 */
const misnamed = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/**
 * Milliseconds between two samples of the queue depth. A timer takes the samples, so a request of `/metrics` costs no
 * query.
 */
export const sampleDepthsEveryMs = 15_000;
/** Largest number of jobs that a sample counts for one job type and state. */
export const mostCounted = 100_000;

const jobStates = ['ready', 'delayed', 'running'] as const satisfies readonly JobDepth['state'][];

const seconds = (ms: number): number => ms / 1000;

/**
 * Metrics in the text format of Prometheus. Names and units follow the naming guide of Prometheus: base units, and names of
 * counters end in `_total`.
 */
export class PrometheusMeter implements Meter {
  readonly #registry = new Registry();
  readonly #jobs = new Gauge({
    name: 'proofhouse_jobs',
    help: 'Unfinished jobs by type and state (ready, delayed, running), sampled; each counts to 100000 at most.',
    labelNames: ['type', 'state'],
    registers: [this.#registry],
  });
  readonly #claimWait = new Histogram({
    name: 'proofhouse_job_wait_seconds',
    help: 'From the making of a job until its first claim, delays included.',
    labelNames: ['type'],
    buckets: [0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200],
    registers: [this.#registry],
  });
  readonly #ended = new Counter({
    name: 'proofhouse_jobs_ended_total',
    help: 'Jobs that ended, by type and outcome (succeeded, failed, dead_letter, cancelled).',
    labelNames: ['type', 'outcome'],
    registers: [this.#registry],
  });
  readonly #retries = new Counter({
    name: 'proofhouse_job_retries_total',
    help: 'Times that a job went back into the queue: after a failure, a lost lease, or by hand.',
    labelNames: ['type'],
    registers: [this.#registry],
  });
  readonly #runs = new Histogram({
    name: 'proofhouse_job_run_seconds',
    help: 'From the first claim of a job until its end, retries and their delays included.',
    labelNames: ['type'],
    buckets: [0.1, 0.5, 1, 5, 15, 60, 300, 900, 1800, 3600, 14_400, 86_400],
    registers: [this.#registry],
  });
  readonly #requests = new Histogram({
    name: 'proofhouse_http_request_duration_seconds',
    help: 'Answered requests by operation and class of status; streams and long polls count their whole length.',
    labelNames: ['operation', 'status'],
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 30, 300],
    registers: [this.#registry],
  });
  readonly #storage = new Gauge({
    name: 'proofhouse_storage_bytes',
    help: 'Bytes of artifacts kept, by artifact type, sampled.',
    labelNames: ['type'],
    registers: [this.#registry],
  });
  readonly #leasesLost = this.#counter('proofhouse_leases_lost_total', 'Leases that passed without a heartbeat.');
  readonly #uploads = this.#counter('proofhouse_uploads_total', 'Artifacts stored.');
  readonly #uploadedBytes = this.#counter('proofhouse_uploaded_bytes_total', 'Bytes of artifacts stored.');
  readonly #errors = new Counter({
    name: 'proofhouse_errors_total',
    help: 'Failed answers by error code.',
    labelNames: ['code'],
    registers: [this.#registry],
  });

  readonly #jobTypes: readonly string[];

  /**
   * If `processMetrics` is true, the default metrics of prom-client are exported too. The counters of each type in
   * `jobTypes` are 0 from the start. So a query can distinguish a rate of 0 from a server without metrics.
   */
  constructor(options: { processMetrics: boolean; jobTypes: readonly string[] }) {
    if (options.processMetrics) {
      collectDefaultMetrics({ register: this.#registry });
      for (const name of misnamed) this.#registry.removeSingleMetric(name);
    }
    this.#jobTypes = options.jobTypes;
    for (const type of options.jobTypes) {
      for (const outcome of finalStatuses) this.#ended.inc({ type, outcome }, 0);
      this.#retries.inc({ type }, 0);
      this.#runs.zero({ type });
    }
  }

  claimed(type: string, waitedMs: number): void {
    this.#claimWait.observe({ type }, seconds(Math.max(0, waitedMs)));
  }

  settled({
    type,
    status,
    startedAt,
    finishedAt,
  }: Pick<JobRecord, 'type' | 'status' | 'startedAt' | 'finishedAt'>): void {
    if (status === 'queued') this.#retries.inc({ type });
    if (!finalStatuses.includes(status)) return;
    this.#ended.inc({ type, outcome: status });
    if (startedAt !== null && finishedAt !== null) this.#runs.observe({ type }, seconds(finishedAt - startedAt));
  }

  leasesLost(count: number): void {
    this.#leasesLost.inc(count);
  }

  uploaded(sizeBytes: number): void {
    this.#uploads.inc();
    this.#uploadedBytes.inc(sizeBytes);
  }

  answered(operation: string, status: number, tookMs: number): void {
    this.#requests.observe({ operation, status: `${String(Math.floor(status / 100))}xx` }, seconds(tookMs));
  }

  failed(code: string): void {
    this.#errors.inc({ code });
  }

  /** Replaces the last sample of the queue depth: the number of jobs by job type and state. */
  depths(depths: readonly JobDepth[]): void {
    this.#jobs.reset();
    for (const type of this.#jobTypes) for (const state of jobStates) this.#jobs.set({ type, state }, 0);
    for (const { type, state, count } of depths) this.#jobs.set({ type, state }, count);
  }

  /** Replaces the last sample of stored bytes by artifact type. */
  storage(byType: readonly { readonly type: string; readonly bytes: number }[]): void {
    this.#storage.reset();
    for (const { type, bytes } of byType) this.#storage.set({ type }, bytes);
  }

  /** Sets the quota in bytes. Without a call, the metric of the quota is absent. */
  storageQuota(quotaBytes: number): void {
    const help = 'Bytes that artifacts may have together.';
    new Gauge({ name: 'proofhouse_storage_quota_bytes', help, registers: [this.#registry] }).set(quotaBytes);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #counter(name: string, help: string): Counter {
    return new Counter({ name, help, registers: [this.#registry] });
  }
}
