// What workers were told, and whether it can all be true. Knows nothing of the server's code: only answers and real time.

/** A claim as the worker that made it saw it. Times are real milliseconds of one clock that nobody sets. */
export interface HeldLease {
  readonly jobId: string;
  readonly attempt: number;
  readonly leaseId: string;
  readonly leaseMs: number;
  /** When the claim was answered. */
  readonly answeredAt: number;
  /** Each acknowledged claim or renewal: the lease holds for `leaseMs` from when it was sent at the earliest. */
  readonly renewals: { readonly sentAt: number; readonly answeredAt: number }[];
  /** The final call that was acknowledged. */
  ended?: { readonly sentAt: number; readonly answeredAt: number };
}

/** A job as the server shows it at the end. */
export interface FoundJob {
  readonly id: string;
  readonly status: string;
  readonly attempt: number;
  readonly events: readonly { readonly seq: number; readonly kind: string }[];
}

/** A millisecond is cut off at each side; a transaction's time may be 5 ms ahead (docs/decisions/0016). */
const toleranceMs = 10;

export interface Violations {
  /** A job was given to another while a lease on it held. */
  readonly overlaps: string[];
  /** An attempt was used up although no lease had passed. */
  readonly attempts: string[];
  /** An acknowledged end that the job does not show, or that was acknowledged twice. */
  readonly ends: string[];
  /** Event numbers with gaps. */
  readonly events: string[];
}

/** `given`: every claim that was answered with a job, in any order. */
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
  // Whoever was told of an end after another held the job was told so under a lease that had passed.
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
