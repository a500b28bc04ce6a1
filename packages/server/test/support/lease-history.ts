// Records the answers that workers got, and checks if all of them can be true. Uses no code of the server, only answers
// and real time.

/** A claim, as its worker saw it. Times are real milliseconds of one clock that is never set. */
export interface HeldLease {
  readonly jobId: string;
  readonly attempt: number;
  readonly leaseId: string;
  readonly leaseMs: number;
  /** Time of the answer to the claim. */
  readonly answeredAt: number;
  /** Acknowledged claims and renewals. Each lease is valid for `leaseMs` from `sentAt` at the earliest. */
  readonly renewals: { readonly sentAt: number; readonly answeredAt: number }[];
  /** The acknowledged final call. */
  ended?: { readonly sentAt: number; readonly answeredAt: number };
}

/** The final state of a job according to the server. */
export interface FoundJob {
  readonly id: string;
  readonly status: string;
  readonly attempt: number;
  readonly events: readonly { readonly seq: number; readonly kind: string }[];
}

/** Rounding to milliseconds on both sides; a transaction's time may be 5 ms ahead (docs/decisions/0016). */
const toleranceMs = 10;

export interface Violations {
  /** Jobs that another worker got while a lease was valid. */
  readonly overlaps: string[];
  /** Attempts that were used up although no lease had expired. */
  readonly attempts: string[];
  /** Acknowledged ends that the job does not show, or that were acknowledged twice. */
  readonly ends: string[];
  /** Gaps in event numbers. */
  readonly events: string[];
}

/** Returns the violations. `given` has every claim that returned a job, in any order. */
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
  // An end that was acknowledged after another worker held the job was acknowledged under an expired lease.
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
