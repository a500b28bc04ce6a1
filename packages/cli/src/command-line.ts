import { Command, CommanderError } from '@commander-js/extra-typings';
import { AppError } from '@proofhouse/core';
import type { CommandContext } from './command-context.ts';
import { artifactDeposit } from './commands/artifact/artifact-deposit.ts';
import { artifactFetch } from './commands/artifact/artifact-fetch.ts';
import { artifactGrant } from './commands/artifact/artifact-grant.ts';
import { artifactList } from './commands/artifact/artifact-list.ts';
import { artifactPull } from './commands/artifact/artifact-pull.ts';
import { artifactPush } from './commands/artifact/artifact-push.ts';
import { backupCreate } from './commands/backup/backup-create.ts';
import { backupRestore } from './commands/backup/backup-restore.ts';
import { doctor } from './commands/server/doctor.ts';
import { experimentCreate } from './commands/experiment/experiment-create.ts';
import { experimentList } from './commands/experiment/experiment-list.ts';
import { groupAdd } from './commands/group/group-add.ts';
import { groupCreate } from './commands/group/group-create.ts';
import { groupDelete } from './commands/group/group-delete.ts';
import { groupList } from './commands/group/group-list.ts';
import { groupRemove } from './commands/group/group-remove.ts';
import { jobCancel } from './commands/job/job-cancel.ts';
import { jobCreate } from './commands/job/job-create.ts';
import { jobGet } from './commands/job/job-get.ts';
import { jobList } from './commands/job/job-list.ts';
import { jobLogs } from './commands/job/job-logs.ts';
import { jobRetry } from './commands/job/job-retry.ts';
import { jobWait } from './commands/job/job-wait.ts';
import { jobWhy } from './commands/job/job-why.ts';
import { mcp } from './commands/mcp/mcp.ts';
import { serve } from './commands/server/serve.ts';
import { signInLink } from './commands/server/sign-in-link.ts';
import { storageAdopt } from './commands/storage/storage-adopt.ts';
import { storageGc } from './commands/storage/storage-gc.ts';
import { storageUsage } from './commands/storage/storage-usage.ts';
import { storageVerify } from './commands/storage/storage-verify.ts';
import { whoami } from './commands/server/whoami.ts';
import { work } from './commands/worker/work.ts';
import { workerList } from './commands/worker/worker-list.ts';
import { workerRegister } from './commands/worker/worker-register.ts';
import { workerReissue } from './commands/worker/worker-reissue.ts';
import { workerTokenCreate } from './commands/worker-token/worker-token-create.ts';
import { workerTokenList } from './commands/worker-token/worker-token-list.ts';
import { workerTokenRevoke } from './commands/worker-token/worker-token-revoke.ts';
import { noExperiment } from './experiment-command.ts';
import { explainError, type CalledWith } from './output/explain-error.ts';
import { reportError } from './output/report-error.ts';
import { version } from './version.ts';

/** Runs one command line (without node and script) and gives its exit code. Never throws. */
export async function runCommandLine(args: readonly string[], context: CommandContext): Promise<number> {
  const ownArgs = args.includes('--') ? args.slice(0, args.indexOf('--')) : args;
  const json = ownArgs.includes('--json');
  let called: CalledWith | undefined;
  try {
    const program = programOf(context).hook('preAction', (_program, command) => {
      called = connectionOf(command.opts());
    });
    await program.parseAsync(withoutHelpOfUnknown(program, args), { from: 'user' });
    return context.exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) return reportError(explainError(error, called), context, json);
    if (error.exitCode === 0) return 0;
    // Asked for a group without a verb: its help has been shown.
    if (error.code === 'commander.help') return 2;
    return reportError(new AppError('bad_request', usageMessage(error)), context, json);
  }
}

function programOf(context: CommandContext): Command {
  const program = new Command('proofhouse')
    .description('A work queue, an artifact server and a review desk for fleets of agents and remote workers.')
    .enablePositionalOptions()
    .version(version, '-V, --version', 'print the version')
    .addCommand(serve(context))
    .addCommand(doctor(context))
    .addCommand(work(context))
    .addCommand(mcp(context))
    .addCommand(whoami(context))
    .addCommand(signInLink(context))
    .addCommand(jobCommands(context))
    .addCommand(artifactCommands(context))
    .addCommand(workerCommands(context))
    .addCommand(experimentCommands(context))
    .addCommand(groupCommands(context))
    .addCommand(storageCommands(context))
    .addCommand(backupCommands(context))
    .addHelpText('after', '\nExample: proofhouse job create --type exec --payload \'{"branch":"main"}\'')
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 wrong call, 3 not allowed, 4 not there, 5 conflict, 6 server trouble',
    );
  settle(program, context);
  return program;
}

function jobCommands(context: CommandContext): Command {
  return group('job', 'Queued work')
    .addCommand(jobCreate(context))
    .addCommand(jobList(context))
    .addCommand(jobGet(context))
    .addCommand(jobLogs(context))
    .addCommand(jobWait(context))
    .addCommand(jobWhy(context))
    .addCommand(jobCancel(context))
    .addCommand(jobRetry(context));
}

function artifactCommands(context: CommandContext): Command {
  return group('artifact', 'What jobs produced, and what workers hand each other')
    .addCommand(artifactPush(context))
    .addCommand(artifactList(context))
    .addCommand(artifactPull(context))
    .addCommand(artifactDeposit(context))
    .addCommand(artifactFetch(context))
    .addCommand(artifactGrant(context));
}

function workerCommands(context: CommandContext): Command {
  return group('worker', 'Workers and their tokens')
    .addCommand(workerList(context))
    .addCommand(workerRegister(context))
    .addCommand(workerReissue(context))
    .addCommand(
      group('token', 'Tokens with which workers call the server')
        .addCommand(workerTokenCreate(context))
        .addCommand(workerTokenList(context))
        .addCommand(workerTokenRevoke(context)),
    );
}

function experimentCommands(context: CommandContext): Command {
  return group('experiment', 'Workers, groups and deposits that belong together')
    .addCommand(experimentCreate(context))
    .addCommand(experimentList(context));
}

function groupCommands(context: CommandContext): Command {
  return group('group', 'Groups of workers in an experiment')
    .addCommand(groupCreate(context))
    .addCommand(groupList(context))
    .addCommand(groupAdd(context))
    .addCommand(groupRemove(context))
    .addCommand(groupDelete(context));
}

function storageCommands(context: CommandContext): Command {
  return group('storage', 'Care of what is stored')
    .addCommand(storageUsage(context))
    .addCommand(storageAdopt(context))
    .addCommand(storageGc(context))
    .addCommand(storageVerify(context));
}

function backupCommands(context: CommandContext): Command {
  return group('backup', 'Copies of everything that is stored')
    .addCommand(backupCreate(context))
    .addCommand(backupRestore(context));
}

function group(name: string, description: string): Command {
  return new Command(name).description(description);
}

// Help is shown before the name of a command is looked at: for one that does not exist, that would be a wrong answer.
function withoutHelpOfUnknown(program: Command, args: readonly string[]): string[] {
  let at: Command = program;
  for (const word of args) {
    if (word.startsWith('-') || word === 'help') continue;
    const child = at.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (child === undefined) return args.filter((arg) => arg !== '--help' && arg !== '-h' && arg !== 'help');
    at = child as Command;
    if (at.commands.length === 0) break;
  }
  return [...args];
}

// Errors are ours to print and exit codes ours to give, at every level.
function settle(command: Command, context: CommandContext): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => context.stdout.write(text),
    writeErr: (text) => context.stderr.write(text),
    outputError: () => undefined,
  });
  for (const child of command.commands) settle(child as Command, context);
}

/** Undefined for commands that call no server. */
function connectionOf({ url, token, experiment }: Readonly<Record<string, unknown>>): CalledWith | undefined {
  if (typeof url !== 'string') return undefined;
  return { url, token: textOf(token), experiment: textOf(experiment) };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function usageMessage(error: CommanderError): string {
  if (error.code === 'commander.missingMandatoryOptionValue' && error.message.includes('--experiment ')) {
    return noExperiment;
  }
  return `${error.message.replace(/^error: /, '')}\nAdd --help to see how it is called.`;
}
