import type { Clock } from '../transport/clock.ts';
import type { ProofhouseClient } from '../proofhouse-client.ts';
import type { Random } from '../transport/random.ts';
import type { JobHandler } from './handler/job-handler.ts';

/** An event of the worker, for a person or a program that monitors it. */
export interface WorkerLogEntry {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly jobId?: string;
}

export type WorkerLog = (entry: WorkerLogEntry) => void;

export interface WorkerOptions {
  readonly client: ProofhouseClient;
  /** Functions by job type. Each runs the jobs of its type in this process. */
  readonly handlers?: Readonly<Record<string, JobHandler>> | undefined;
  /** Commands by job type: the program and its arguments. There is no shell. */
  readonly commands?: Readonly<Record<string, readonly string[]>> | undefined;
  /** The command for all other types. */
  readonly command?: readonly string[] | undefined;
  /** The worker's environment. Commands get it without the settings of the worker. Empty when omitted. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /**
   * Job types to claim. When omitted: the types with a handler or a command; with `command`, all types that the
   * credential allows.
   */
  readonly types?: readonly string[] | undefined;
  readonly capabilities?: readonly string[] | undefined;
  /** Software name and version in the list of workers, such as `proofhouse/0.1.0`. */
  readonly software?: string | undefined;
  /** Number of jobs at a time. They share `cwd` unless `inWorkFolder` is set. */
  readonly concurrency?: number | undefined;
  readonly leaseSeconds?: number | undefined;
  /** Folder in which job folders are created; the system's temporary folder when omitted. */
  readonly workRoot?: string | undefined;
  /** Folder in which commands run; that of this process when omitted. */
  readonly cwd?: string | undefined;
  /** Runs the command in a new, empty folder instead of `cwd`. */
  readonly inWorkFolder?: boolean | undefined;
  /** True if a job whose command failed may be retried. */
  readonly retryable?: boolean | undefined;
  /**
   * Passed to the command as PROOFHOUSE_TOKEN, with the lease as PROOFHOUSE_LEASE_ID. Never passed without this option.
   */
  readonly passToken?: string | undefined;
  /** Waits for one job, runs it, and returns. */
  readonly once?: boolean | undefined;
  /** Time limit of a job. A smaller `payload.timeoutSeconds` of the job has priority. No limit when omitted. */
  readonly commandTimeoutMs?: number | undefined;
  /** False to omit the diff. Else the changes of a command in a git repository are deposited as `diff.diff`. */
  readonly diff?: boolean | undefined;
  /** Lets a job succeed although evidence was refused or lost; its result then begins with the losses. */
  readonly bestEffort?: boolean | undefined;
  /** Largest log of a command; of a longer one the beginning and the end are kept. Default 1 GiB. */
  readonly maxLogBytes?: number | undefined;
  /**
   * Restores the repository around `cwd` before each job to the commit of the worker's start. `discard` allows
   * uncommitted, untracked and ignored files at the start, which are then removed.
   */
  readonly gitClean?: boolean | 'discard' | undefined;
  /**
   * On abort, no more jobs are claimed. After `drainMs`, running commands are ended, their results deposited, and their
   * jobs given back.
   */
  readonly signal?: AbortSignal | undefined;
  /** Time that running commands have after `signal`; default 0. */
  readonly drainMs?: number | undefined;
  /** Ends the rest of `drainMs` at once. Used after `signal`. */
  readonly hurry?: AbortSignal | undefined;
  /** Called once, after the first successful claim: the URL and the credential are valid. */
  readonly onAccepted?: (() => void) | undefined;
  readonly log?: WorkerLog | undefined;
  /** Time between SIGTERM and SIGKILL for a command. */
  readonly graceMs?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/** `lost`: the lease expired before the job ended, and another worker has or will get the job. */
export type JobOutcome = 'succeeded' | 'failed' | 'stopped' | 'cancelled' | 'lost';

/** Number of jobs by outcome. */
export type WorkerReport = Readonly<Record<JobOutcome, number>>;
