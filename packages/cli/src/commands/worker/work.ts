import path from 'node:path';
import type { Command } from '@commander-js/extra-typings';
import { AppError, isAppError } from '@proofhouse/core';
import { runWorker, type WorkerLogEntry, type WorkerReport } from '@proofhouse/client/worker';
import { callerOf } from '../../caller.ts';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand, type ConnectionOptions } from '../../connected-command.ts';
import {
  collect,
  collectCommand,
  commaList,
  positiveInteger,
  positiveSeconds,
  seconds,
} from '../../input/option-values.ts';
import { printable } from '../../output/printable.ts';
import { version } from '../../version.ts';

const explanation = `
Each job's command finds it in $PROOFHOUSE_JOB_FILE (JSON, with the payload) and $PROOFHOUSE_JOB_ID, and leaves what is
to be kept in $PROOFHOUSE_OUTPUT_DIR. Its output goes to log.log. When it runs in a git repository, what changes in its
folder from its start to its end goes to diff.diff, for \`git apply\` at the repository's top: up to 64 MiB, without
ignored files, and with what other commands in the same folder do meanwhile. Repositories below have diffs/<path>.diff,
diffs.json lists all, and the result says what is in none (docs/worker-git.md). Exit code 0 completes the job, every
other fails it.

A job fails too when an artifact was refused or lost (too large, unreadable, a full disk): it may be tried again when the
cause may pass. --best-effort completes it, and its result says so first. A log that is too large is cut instead: it keeps
its beginning and its end, with a line between them and \`truncated\` in its metadata. Pipes, sockets, devices and symbolic
links in the output folder are left out, which the result says. Output files whose names the server does not take are
deposited under percent-encoded ones; those named like the worker's own artifacts (log.log, diff.diff, diffs.json, diffs/)
go below files/.

Secrets are masked in all that is deposited, in events, in results and in the worker's own messages: values of variables
with names such as *_TOKEN, the worker's token, values that the command adds with \`proofhouse mask add\` (to
$PROOFHOUSE_MASK_FILE), and known formats (docs/masking.md). The metadata of an artifact says what was masked in it. A
binary file or an archive with a secret, or a file with one in its name, is not deposited, and the job fails.

The command inherits this environment without any PROOFHOUSE_ variable (but PROOFHOUSE_EXPERIMENT), and finds those of its
job instead. When it ends, everything that it started is killed, also what left its process group: found by a cgroup (v2)
where one can be made, else by \`PROOFHOUSE_RUN\` in its environment (Linux).

Ctrl-C and SIGTERM end the worker: no more claims, and commands that run are ended (SIGTERM, 10 s, SIGKILL), deposited
and given back. That uses up an attempt; a job on its last one is dead-lettered. --drain-seconds gives them time to
end by themselves: a second signal ends them then, a third the worker at once. Killed with kill -9, a worker leaves its
command running; the folder of its job is removed by the next worker with the same --work-root.

One worker may serve several types: each --on names the command of one, and the command after -- is for all others.

Example: proofhouse work --types exec --once -- npm test
         proofhouse work --on exec='npm test' --on task='./agent.sh'`;

interface WorkFlags extends ConnectionOptions {
  readonly types?: readonly string[] | undefined;
  readonly capabilities?: readonly string[] | undefined;
  readonly concurrency?: number | undefined;
  readonly leaseSeconds?: number | undefined;
  readonly timeout?: number | undefined;
  readonly drainSeconds?: number | undefined;
  readonly on?: Readonly<Record<string, string>> | undefined;
  readonly once?: true | undefined;
  readonly retryable?: true | undefined;
  readonly bestEffort?: true | undefined;
  readonly mask?: boolean | undefined;
  readonly secretFile?: readonly string[] | undefined;
  readonly secretName?: readonly string[] | undefined;
  readonly allowBinary?: true | undefined;
  readonly maxLogMib?: number | undefined;
  readonly passToken?: true | undefined;
  readonly diff?: boolean | undefined;
  readonly gitClean?: true | undefined;
  readonly gitCleanDiscard?: true | undefined;
  readonly workFolder?: true | undefined;
  readonly workRoot?: string | undefined;
}

export function work(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .argument('[command...]', 'the command and its arguments, after --')
    .option('--on <type=command>', 'what the shell runs for jobs of this type (repeatable)', collectCommand)
    .option('--types <list>', 'job types to claim, comma-separated (all that the token allows)', commaList)
    .option('--capabilities <list>', 'what this machine can do, comma-separated', commaList)
    .option('--concurrency <n>', 'jobs at a time (1)', positiveInteger)
    .option('--lease-seconds <n>', 'how long a job stays ours without a sign of life (120)', positiveInteger)
    .option(
      '--timeout <seconds>',
      'end a command that runs longer, and fail its job (no limit); payload.timeoutSeconds may be shorter',
      positiveSeconds,
    )
    .option('--drain-seconds <n>', 'how long commands may go on after the first signal (0)', seconds)
    .option('--once', 'wait for one job, run it and end: exit code 1 unless it succeeded')
    .option('--retryable', 'a job whose command failed may be tried again')
    .option('--best-effort', 'a job succeeds although evidence of it was refused or lost; its result says so first')
    .option('--no-mask', 'deposit secrets in clear')
    .option('--secret-file <file>', 'a file whose whole content is a secret (repeatable)', collect)
    .option('--secret-name <glob>', 'more variables that hold secrets, such as "*_PASS" (repeatable)', collect)
    .option('--allow-binary', 'deposit binary files and archives without a scan for secrets')
    .option('--max-log-mib <n>', 'keep the beginning and the end of a longer log (1024)', positiveInteger)
    .option('--pass-token', 'give the command the token and the lease, so that it can call the server itself')
    .option('--no-diff', 'deposit no diff.diff')
    .option('--git-clean', 'bring the git repository back to its commit at the start before each job')
    .option('--git-clean-discard', 'the same, although changes and untracked or ignored files are there at the start')
    .option('--work-folder', 'run each command in a fresh folder instead of here')
    .option('--work-root <folder>', 'where the folders of jobs are made')
    .passThroughOptions()
    .addHelpText('after', explanation)
    .action(async (command, options) => {
      const report = await workWith(context, command, options).catch((error: unknown) => {
        throw explainCaller(error);
      });
      if (options.json === true) context.stdout.write(`${JSON.stringify({ report })}\n`);
      if (options.once === true && report.succeeded === 0) context.exitCode = 1;
    });
}

async function workWith(
  context: CommandContext,
  command: readonly string[],
  options: WorkFlags,
): Promise<WorkerReport> {
  const json = options.json === true;
  // A worker retries longer than other commands. So a restart of the server does not lose the evidence of a job.
  const client = clientOf(options, { tries: 12, maxDelayMs: 15_000 });
  const outputLost = new AbortController();
  context.onOutputLost = () => outputLost.abort();
  const drainMs = (options.drainSeconds ?? 0) * 1000;
  return runWorker({
    client,
    command: command.length === 0 ? undefined : command,
    commands: Object.fromEntries(Object.entries(options.on ?? {}).map(([type, line]) => [type, ['sh', '-c', line]])),
    env: context.env,
    cwd: context.cwd,
    types: options.types,
    capabilities: options.capabilities,
    software: `proofhouse/${version}`,
    concurrency: options.concurrency,
    leaseSeconds: options.leaseSeconds,
    commandTimeoutMs: options.timeout === undefined ? undefined : options.timeout * 1000,
    once: options.once,
    retryable: options.retryable,
    bestEffort: options.bestEffort,
    maskSecrets: options.mask,
    secretFiles: options.secretFile?.map((file) => path.resolve(context.cwd, file)),
    secretNames: options.secretName,
    allowBinary: options.allowBinary,
    maxLogBytes: options.maxLogMib === undefined ? undefined : options.maxLogMib * 1024 * 1024,
    passToken: options.passToken === true ? options.token : undefined,
    diff: options.diff,
    gitClean: options.gitCleanDiscard === true ? 'discard' : options.gitClean,
    inWorkFolder: options.workFolder,
    workRoot: options.workRoot,
    signal: AbortSignal.any([context.signal(), outputLost.signal]),
    drainMs,
    endDrain: drainMs === 0 ? undefined : context.secondSignal(),
    onAccepted: () => context.stderr.write(`${nameOf(options.token)} waits for jobs at ${client.url}\n`),
    log: (entry) => printEntry(context, json, entry),
  });
}

/**
 * Returns the worker id in the token, because the server does not return it. Only the token of a registered worker
 * contains a worker id.
 */
function nameOf(token: string | undefined): string {
  const caller = callerOf(token);
  return caller === undefined || caller === 'admin' ? 'The worker' : caller;
}

function explainCaller(error: unknown): unknown {
  const nameless = isAppError(error, 'invalid_request') && error.errors.some(({ path }) => path === 'workerId');
  if (!nameless) return error;
  const message =
    'Jobs are claimed with the token of a worker, and this one is not.\n' +
    '  Next: proofhouse worker token create <name>, then PROOFHOUSE_TOKEN=<its token> proofhouse work -- <command>';
  return new AppError('invalid_request', message, { cause: error });
}

// Prints one line for each entry of the worker log. With --json it is JSON. Without, it is text, and warnings and
// errors go to standard error.
function printEntry(context: CommandContext, json: boolean, entry: WorkerLogEntry): void {
  if (json) context.stdout.write(`${JSON.stringify(entry)}\n`);
  else if (entry.level === 'info') context.stdout.write(`${printable(entry.message)}\n`);
  else context.stderr.write(`proofhouse: ${printable(entry.message)}\n`);
}
