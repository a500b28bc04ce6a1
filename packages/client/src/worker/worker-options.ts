import type { Clock } from '../transport/clock.ts';
import type { ProofhouseClient } from '../proofhouse-client.ts';
import type { Random } from '../transport/random.ts';
import type { JobHandler } from './handler/job-handler.ts';

/** What happened, for a person or a program that watches the worker. */
export interface WorkerLogEntry {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly jobId?: string;
}

export type WorkerLog = (entry: WorkerLogEntry) => void;

export interface WorkerOptions {
  readonly client: ProofhouseClient;
  /** Functions by job type. Each carries out the jobs of its type in this process. */
  readonly handlers?: Readonly<Record<string, JobHandler>> | undefined;
  /** Commands by job type: the program and its arguments; no shell reads them. */
  readonly commands?: Readonly<Record<string, readonly string[]>> | undefined;
  /** The command of all other types. */
  readonly command?: readonly string[] | undefined;
  /** The worker's environment, for commands: what they get, less every setting of the worker. Empty when left out. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Job types to claim; left out: those that have a handler or a command, with `command` all that the credential allows. */
  readonly types?: readonly string[] | undefined;
  readonly capabilities?: readonly string[] | undefined;
  /** What the list of workers shows of this software, such as `proofhouse/0.1.0`. */
  readonly software?: string | undefined;
  /** Jobs at a time. They share `cwd` unless `inWorkFolder`. */
  readonly concurrency?: number | undefined;
  readonly leaseSeconds?: number | undefined;
  /** Where each job's folder is made; the system's temporary folder when left out. */
  readonly workRoot?: string | undefined;
  /** Where commands run; the folder of this process when left out. */
  readonly cwd?: string | undefined;
  /** The command runs in a fresh, empty folder instead of `cwd`. */
  readonly inWorkFolder?: boolean | undefined;
  /** Whether a job whose command failed may be tried again. */
  readonly retryable?: boolean | undefined;
  /** Given to the command as PROOFHOUSE_TOKEN, with the lease as PROOFHOUSE_LEASE_ID. Never by itself. */
  readonly passToken?: string | undefined;
  /** Wait for one job, run it, and end. */
  readonly once?: boolean | undefined;
  /** How long a job may run. A job with a shorter `payload.timeoutSeconds` has that. Left out: for as long as it takes. */
  readonly commandTimeoutMs?: number | undefined;
  /** Whether what a command changed in a git repository is deposited as `diff.diff`; it is unless this is false. */
  readonly diff?: boolean | undefined;
  /** A job succeeds although evidence of it was refused or lost; its result then says so first. */
  readonly bestEffort?: boolean | undefined;
  /** What the log of a command may have: of a longer one the beginning and the end are kept. 1 GiB when left out. */
  readonly maxLogBytes?: number | undefined;
  /**
   * Before each job the repository around `cwd` is brought back to the commit of the worker's start. `discard`: although there
   * are changes, or untracked or ignored files, when the worker starts.
   */
  readonly gitClean?: boolean | 'discard' | undefined;
  /** Aborted: no more claims; running commands are ended once `drainMs` is over, deposited and given back. */
  readonly signal?: AbortSignal | undefined;
  /** How long running commands may go on after `signal`; 0 when left out. */
  readonly drainMs?: number | undefined;
  /** Aborted after `signal`: whatever is left of `drainMs` is over. */
  readonly hurry?: AbortSignal | undefined;
  /** Called once, when the first claim was answered: the URL and the credential are right. */
  readonly onAccepted?: (() => void) | undefined;
  readonly log?: WorkerLog | undefined;
  /** How long a command may take to end before it is killed. */
  readonly graceMs?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/** `lost`: the lease ended before the job did, and another worker has or will get it. */
export type JobOutcome = 'succeeded' | 'failed' | 'stopped' | 'cancelled' | 'lost';

/** How many jobs came to which end. */
export type WorkerReport = Readonly<Record<JobOutcome, number>>;
