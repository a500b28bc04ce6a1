import type { Command } from '@commander-js/extra-typings';
import type { CommandContext } from './command-context.ts';

/** Adds the options, the arguments, the help text and the action of one command to `command`. */
type Configure = (command: Command, context: CommandContext) => unknown;

/** A command. Its module is loaded when the command is called, or when its own help is requested. */
export interface CommandEntry {
  readonly name: string;
  readonly alias?: string;
  /**
   * The arguments as the usage line shows them. The module of the command declares the same arguments with
   * descriptions.
   */
  readonly arguments?: string;
  readonly summary: string;
  readonly load: () => Promise<Configure>;
}

/** A group of commands with the same noun, such as `job`. */
export interface CommandGroup {
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly (CommandEntry | CommandGroup)[];
}
