import type { Clock } from '../transport/clock.ts';
import type { ProofhouseClient } from '../proofhouse-client.ts';
import type { Random } from '../transport/random.ts';
import type { JobHandler } from './handler/job-handler.ts';

/** One entry of the worker's own log. Its reader is a person, or a program that monitors the worker. */
export interface WorkerLogEntry {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly jobId?: string;
}

export type WorkerLog = (entry: WorkerLogEntry) => void;

export interface WorkerOptions {
  readonly client: ProofhouseClient;
  /** Handlers by job type. Each runs the jobs of its type in this process. */
  readonly handlers?: Readonly<Record<string, JobHandler>> | undefined;
  /** Commands by job type. A command is a program with its arguments, and runs without a shell. */
  readonly commands?: Readonly<Record<string, readonly string[]>> | undefined;
  /** The command for all job types that have neither a handler nor their own command. */
  readonly command?: readonly string[] | undefined;
  /** The environment of the worker. Commands get it without the worker's settings and secrets. Default: empty. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /**
   * Job types to claim. Default: the types with a handler or a command. If `command` is given, the default is every
   * type that the credential allows.
   */
  readonly types?: readonly string[] | undefined;
  readonly capabilities?: readonly string[] | undefined;
  /** Software name and version in the list of workers, such as `proofhouse/0.1.0`. */
  readonly software?: string | undefined;
  /** Largest number of jobs that run at the same time. The jobs share `cwd` unless `inWorkFolder` is set. Default 1. */
  readonly concurrency?: number | undefined;
  readonly leaseSeconds?: number | undefined;
  /** Folder in which job folders are created. Default: the temporary folder of the system. */
  readonly workRoot?: string | undefined;
  /** Folder in which commands run. Default: the current folder of this process. */
  readonly cwd?: string | undefined;
  /** True if each command runs in a new, empty folder instead of `cwd`. */
  readonly inWorkFolder?: boolean | undefined;
  /** True if a job whose command failed may be retried. */
  readonly retryable?: boolean | undefined;
  /**
   * A token that commands get as PROOFHOUSE_TOKEN, together with the lease id as PROOFHOUSE_LEASE_ID. Without this
   * option they get neither.
   */
  readonly passToken?: string | undefined;
  /** True if the worker waits for one job, runs it, and returns. */
  readonly once?: boolean | undefined;
  /**
   * Time limit of a job in milliseconds. A smaller `payload.timeoutSeconds` of the job is used instead. Default: no
   * limit.
   */
  readonly commandTimeoutMs?: number | undefined;
  /**
   * False if no diff is deposited. Otherwise the changes of a command in a git repository are deposited as `diff.diff`.
   */
  readonly diff?: boolean | undefined;
  /** True if a job may succeed although evidence was refused or lost. Its result then begins with the number of losses. */
  readonly bestEffort?: boolean | undefined;
  /**
   * False if everything is deposited unmasked. Otherwise secrets are masked in logs, diffs, text files, titles,
   * metadata, events, results and messages. Secrets are: values of variables in `env` with secret names, the token of
   * the client, values that a command adds with `proofhouse mask add`, and all formats of docs/masking.md.
   */
  readonly maskSecrets?: boolean | undefined;
  /** Globs for names of other variables that contain secrets, such as `*_PASS`. */
  readonly secretNames?: readonly string[] | undefined;
  /** Files, such as mounted secrets, whose whole content is a value to mask. */
  readonly secretFiles?: readonly string[] | undefined;
  /**
   * True if files that are not text are deposited without a scan for secrets. Otherwise such a file with a secret is
   * not deposited, and is recorded as a loss.
   */
  readonly allowBinary?: boolean | undefined;
  /** Largest log of a command in bytes. A longer log keeps its beginning and its end. Default 1 GiB. */
  readonly maxLogBytes?: number | undefined;
  /**
   * True if the git repository around `cwd` is restored before each job, to its commit at the start of the worker. With
   * true, the worker does not start if the repository has uncommitted changes, or untracked or ignored files. With
   * `discard`, it starts, and removes these changes and files before its first job.
   */
  readonly gitClean?: boolean | 'discard' | undefined;
  /**
   * Stops the worker when it aborts. The worker then makes no further claim. After `drainMs` it ends the commands that
   * are still running, deposits their results, and reports their jobs as failed and retryable.
   */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for which running commands may continue after `signal` aborted. Default 0. */
  readonly drainMs?: number | undefined;
  /** Ends the wait of `drainMs` at once when it aborts. Has an effect only after `signal` aborted. */
  readonly endDrain?: AbortSignal | undefined;
  /** Called once, after the first successful claim. The URL and the credential are then known to be valid. */
  readonly onAccepted?: (() => void) | undefined;
  readonly log?: WorkerLog | undefined;
  /**
   * Milliseconds between SIGTERM and SIGKILL for a command. For a handler, the time that it has after its signal
   * aborted. Default 10 s.
   */
  readonly graceMs?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/**
 * The outcome of an attempt. `stopped`: the worker stopped before the work ended. `lost`: the lease was lost before the
 * end of the job, so another worker has or will get the job.
 */
export type JobOutcome = 'succeeded' | 'failed' | 'stopped' | 'cancelled' | 'lost';

/** Number of jobs by outcome. */
export type WorkerReport = Readonly<Record<JobOutcome, number>>;
