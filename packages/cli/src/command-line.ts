import { Command, CommanderError, Help } from '@commander-js/extra-typings';
import type { CommandContext } from './command-context.ts';
import type { CommandEntry, CommandGroup } from './command-entry.ts';
import { commandTable } from './command-table.ts';
import type { CalledWith } from './output/explain-error.ts';
import { version } from './version.ts';

/**
 * Runs one command line and returns its exit code. `args` does not contain the paths of node and of the script. Never
 * throws.
 */
export async function runCommandLine(args: readonly string[], context: CommandContext): Promise<number> {
  const ownArgs = args.includes('--') ? args.slice(0, args.indexOf('--')) : args;
  const json = ownArgs.includes('--json');
  let called: CalledWith | undefined;
  try {
    const program = programOf(context).hook('preAction', async (_program, command) => {
      if (!isConnected(command as Command)) return;
      const { useProfile } = await import('./profiles/use-profile.ts');
      await useProfile(command as Command, context);
      called = connectionOf(command.opts());
    });
    await program.parseAsync(withHelpAsOption(program, args), { from: 'user' });
    return context.exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    // The user gave a group without a command, such as `proofhouse job`. Commander has printed the help of the group.
    if (error instanceof CommanderError && error.code === 'commander.help') return 2;
    return await reportFailure(error, called, context, json);
  }
}

/** Prints an error. The module is loaded only here, so that help and version do not load the schemas of core. */
async function reportFailure(
  error: unknown,
  called: CalledWith | undefined,
  context: CommandContext,
  json: boolean,
): Promise<number> {
  const { reportError } = await import('./output/report-error.ts');
  if (error instanceof CommanderError) {
    const { AppError } = await import('@proofhouse/core');
    return reportError(new AppError('bad_request', await usageMessage(error)), context, json);
  }
  const { explainError } = await import('./output/explain-error.ts');
  return reportError(explainError(error, called), context, json);
}

function programOf(context: CommandContext): Command {
  const program = new Command('proofhouse')
    .description('A work queue, an artifact server and a review desk for fleets of agents and remote workers.')
    .enablePositionalOptions()
    .version(version, '-V, --version', 'print the version')
    .addHelpText('after', '\nExample: proofhouse job create --type exec --payload \'{"branch":"main"}\'')
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 wrong call, 3 not allowed, 4 not there, 5 conflict, 6 server trouble',
    );
  addCommands(program, commandTable, context);
  useOwnOutput(program, context);
  return program;
}

/**
 * Adds the commands of the table to `parent`. The module of a command is loaded only when the command is called. This
 * happens in a hook that commander runs before it parses the arguments of the command.
 */
function addCommands(
  parent: Command,
  entries: readonly (CommandEntry | CommandGroup)[],
  context: CommandContext,
): void {
  const unloaded = new Map<unknown, CommandEntry>();
  for (const entry of entries) {
    const command = new Command(entry.name).description(entry.summary);
    if ('commands' in entry) addCommands(command, entry.commands, context);
    else {
      if (entry.alias !== undefined) command.alias(entry.alias);
      unloaded.set(command, entry);
    }
    parent.addCommand(command);
  }
  parent.hook('preSubcommand', async (_parent, command) => {
    const configure = await unloaded.get(command)?.load();
    configure?.(command as Command, context);
  });
  // The help of a group shows the arguments of its commands. They come from the table, because commander knows only the
  // arguments of commands whose modules are loaded.
  const help = new Help();
  parent.configureHelp({
    subcommandTerm: (command) => termOf(unloaded.get(command)) ?? help.subcommandTerm(command),
  });
}

/** Returns the usage line of a command, such as `list|ls [options] <jobId>`. */
function termOf(entry: CommandEntry | undefined): string | undefined {
  if (entry === undefined) return undefined;
  const name = entry.alias === undefined ? entry.name : `${entry.name}|${entry.alias}`;
  return [name, '[options]', ...(entry.arguments === undefined ? [] : [entry.arguments])].join(' ');
}

/**
 * Rewrites `help <command>` as `<command> --help`, because commander would print incomplete help for a command whose
 * module is not loaded. If the command does not exist, removes `help` from the arguments. Then an error is printed, and
 * not the help of the group.
 */
function withHelpAsOption(program: Command, args: readonly string[]): string[] {
  const path: string[] = [];
  let at: Command = program;
  let helpAt: number | undefined;
  for (const word of args) {
    if (word.startsWith('-')) continue;
    if (word === 'help' && helpAt === undefined) {
      helpAt = path.length;
      continue;
    }
    const child = at.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (child === undefined) return args.filter((arg) => arg !== '--help' && arg !== '-h' && arg !== 'help');
    path.push(word);
    at = child as Command;
    if (at.commands.length === 0) break;
  }
  // If several words follow `help`, commander uses only the first, and so does this function.
  return helpAt === undefined ? [...args] : [...path.slice(0, helpAt + 1), '--help'];
}

// Prevents commander from printing errors and from exiting, in all commands and groups. This file does both itself.
function useOwnOutput(command: Command, context: CommandContext): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => context.stdout.write(text),
    writeErr: (text) => context.stderr.write(text),
    outputError: () => undefined,
  });
  for (const child of command.commands) useOwnOutput(child as Command, context);
}

/** Returns true for a command that calls a server with a token. */
function isConnected(command: Command): boolean {
  return command.options.some((option) => option.attributeName() === 'token');
}

/** Returns the connection options of a command, or undefined for a command that calls no server. */
function connectionOf({ url, token, experiment }: Readonly<Record<string, unknown>>): CalledWith | undefined {
  if (typeof url !== 'string') return undefined;
  return { url, token: textOf(token), experiment: textOf(experiment) };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

async function usageMessage(error: CommanderError): Promise<string> {
  if (error.code === 'commander.missingMandatoryOptionValue' && error.message.includes('--experiment ')) {
    return (await import('./experiment-command.ts')).noExperiment;
  }
  return `${error.message.replace(/^error: /, '')}\nAdd --help to see how it is called.`;
}
