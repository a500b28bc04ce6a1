import type { JobRecord } from '@proofhouse/core';

/** What the server counts about itself. Calls are cheap and never throw; times are milliseconds. */
export interface Meter {
  /** A job was claimed for the first time, `waitedMs` after it was made. */
  claimed(type: string, waitedMs: number): void;
  /** A job left a state: told by the server that moved it, with the job as it became. Counts its end, or its return. */
  settled(job: Pick<JobRecord, 'type' | 'status' | 'startedAt' | 'finishedAt'>): void;
  /** Leases that passed without a heartbeat. */
  leasesLost(count: number): void;
  uploaded(sizeBytes: number): void;
  /** A request was answered; `operation` is its row's id, or `other`. */
  answered(operation: string, status: number, tookMs: number): void;
  /** An answer carried this error code. */
  failed(code: string): void;
}

/** For servers and tests that nobody measures. */
export const noMeter: Meter = {
  claimed: () => undefined,
  settled: () => undefined,
  leasesLost: () => undefined,
  uploaded: () => undefined,
  answered: () => undefined,
  failed: () => undefined,
};
