import type { JobRecord } from '@proofhouse/core';

/** Records the metrics of the server. Calls are cheap and never throw. Times are in milliseconds. */
export interface Meter {
  /** Records that a job was claimed for the first time, `waitedMs` after its creation. */
  claimed(type: string, waitedMs: number): void;
  /**
   * Records that this server changed the state of a job. `job` is the record after the change. Used to count jobs that
   * ended or were requeued.
   */
  settled(job: Pick<JobRecord, 'type' | 'status' | 'startedAt' | 'finishedAt'>): void;
  /** Records that leases expired because they were not renewed. `count` is their number. */
  leasesLost(count: number): void;
  uploaded(sizeBytes: number): void;
  /** Records the response to a request. `operation` is the id of the operation, or `other`. */
  answered(operation: string, status: number, tookMs: number): void;
  /** Records a response with this error code. */
  failed(code: string): void;
}

/** A meter that records nothing, for servers and tests without metrics. */
export const noMeter: Meter = {
  claimed: () => undefined,
  settled: () => undefined,
  leasesLost: () => undefined,
  uploaded: () => undefined,
  answered: () => undefined,
  failed: () => undefined,
};
