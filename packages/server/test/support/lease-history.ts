// Finds contradictions in the answers that workers received. Uses only these answers and real time, and no code of the
// server.

/**
 * One claimed job, as the server described it to the worker. Times are in milliseconds of one real clock, which is
 * never set.
 */
export interface HeldLease {
  readonly jobId: string;
  readonly attempt: number;
  readonly leaseId: string;
  readonly leaseMs: number;
  /** Time at which the worker received the answer to its claim. */
  readonly answeredAt: number;
  /**
   * The acknowledged claim and the acknowledged renewals. After each, the lease is valid for at least `leaseMs` from
   * `sentAt`.
   */
  readonly renewals: { readonly sentAt: number; readonly answeredAt: number }[];
  /** The acknowledged call that ended the attempt. Undefined if there was none. */
  ended?: { readonly sentAt: number; readonly answeredAt: number };
}

/** The final state of a job, as the server returned it. */
export interface FoundJob {
  readonly id: string;
  readonly status: string;
  readonly attempt: number;
  readonly events: readonly { readonly seq: number; readonly kind: string }[];
}

/**
 * Tolerance in ms. Two times are rounded. Also, the assumed time of a transaction may be 5 ms ahead of the database's
 * clock (docs/decisions/0016).
 */
const toleranceMs = 10;

export interface Violations {
  /** Jobs that a second worker got while the lease of the first was still valid. */
  readonly overlaps: string[];
  /** Jobs whose attempt number grew although no lease had expired. */
  readonly attempts: string[];
  /**
   * Jobs whose end contradicts the answers. A call that ended the job was acknowledged, but the final status differs.
   * Or two such calls were acknowledged.
   */
  readonly ends: string[];
  /** Jobs whose events are not numbered without gaps. */
  readonly events: string[];
}

/** Returns the violations. `given` must contain every claim that returned a job, in any order. */
export function violationsOf(given: readonly HeldLease[], jobs: readonly FoundJob[]): Violations {
  const found: Violations = { overlaps: [], attempts: [], ends: [], events: [] };
  const byJob = Map.groupBy(given, ({ jobId }) => jobId);
  for (const job of jobs) {
    const leases = (byJob.get(job.id) ?? []).toSorted((a, b) => a.answeredAt - b.answeredAt);
    checkHolders(job, leases, found);
    checkEnds(job, leases, found);
    const numbers = job.events.map(({ seq }) => seq);
    if (numbers.some((seq, index) => seq !== index + 1)) found.events.push(`${job.id}: ${numbers.join(' ')}`);
  }
  return found;
}

function checkHolders(job: FoundJob, leases: readonly HeldLease[], found: Violations): void {
  for (const [index, next] of leases.entries()) {
    for (const before of leases.slice(0, index)) {
      if (before.ended !== undefined && before.ended.sentAt <= next.answeredAt) continue;
      const held = before.renewals.filter(({ answeredAt }) => answeredAt <= next.answeredAt).at(-1);
      const leftMs = (held?.sentAt ?? before.answeredAt) + before.leaseMs - next.answeredAt;
      if (leftMs > toleranceMs) {
        found.overlaps.push(
          `${job.id}: attempt ${String(next.attempt)} was given ${String(Math.round(leftMs))} ms before the lease of attempt ${String(before.attempt)} ended`,
        );
      }
    }
  }
  // A later worker can get the job only after the lease of the earlier worker has expired. From then on, no call of the
  // earlier worker may end the job.
  for (const lease of leases) {
    const { ended } = lease;
    const later = leases.find((other) => other.attempt > lease.attempt);
    if (ended !== undefined && later !== undefined && ended.sentAt > later.answeredAt) {
      found.overlaps.push(
        `${job.id}: attempt ${String(lease.attempt)} ended it while ${String(later.attempt)} held it`,
      );
    }
  }
  const lost = job.events.filter(({ kind }) => kind === 'lease_expired').length;
  const unended = leases.filter(({ ended }) => ended === undefined).length;
  if (job.attempt !== lost + 1 || lost > unended) {
    const text = `attempt ${String(job.attempt)}, ${String(lost)} leases passed, ${String(unended)} claims were left alone`;
    found.attempts.push(`${job.id}: ${text}`);
  }
}

function checkEnds(job: FoundJob, leases: readonly HeldLease[], found: Violations): void {
  const ends = leases.filter(({ ended }) => ended !== undefined).length;
  if (ends > 1 || (ends === 1) !== (job.status === 'succeeded')) {
    found.ends.push(`${job.id}: ${String(ends)} acknowledged ends, status ${job.status}`);
  }
}
