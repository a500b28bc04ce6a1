import type { JobRecord } from '@proofhouse/core';

/** Metrics of the server. Calls are cheap and never throw; times are milliseconds. */
export interface Meter {
  /** A job was claimed for the first time, `waitedMs` after its creation. */
  claimed(type: string, waitedMs: number): void;
  /** A job changed its state on this server; `job` is the new record. Counts ends and returns to the queue. */
  settled(job: Pick<JobRecord, 'type' | 'status' | 'startedAt' | 'finishedAt'>): void;
  /** Leases that passed without a heartbeat. */
  leasesLost(count: number): void;
  uploaded(sizeBytes: number): void;
  /** A request was answered; `operation` is its row's id, or `other`. */
  answered(operation: string, status: number, tookMs: number): void;
  /** An answer carried this error code. */
  failed(code: string): void;
}

/** For servers and tests without metrics. */
export const noMeter: Meter = {
  claimed: () => undefined,
  settled: () => undefined,
  leasesLost: () => undefined,
  uploaded: () => undefined,
  answered: () => undefined,
  failed: () => undefined,
};
