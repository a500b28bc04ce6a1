import { Command } from '@commander-js/extra-typings';
import { describe, expect, test } from 'vitest';
import type { CommandContext } from './command-context.ts';
import type { CommandEntry, CommandGroup } from './command-entry.ts';
import { commandTable } from './command-table.ts';

function entriesOf(table: readonly (CommandEntry | CommandGroup)[], path = ''): (readonly [string, CommandEntry])[] {
  return table.flatMap((each) => {
    const name = `${path}${each.name}`;
    return 'commands' in each ? entriesOf(each.commands, `${name} `) : [[name, each] as const];
  });
}

describe('the table of commands', () => {
  test.each(entriesOf(commandTable))('has the arguments that %s declares', async (_name, entry) => {
    const command = new Command(entry.name);
    (await entry.load())(command, {} as CommandContext);
    const declared = command.createHelp().subcommandTerm(command).replace(`${entry.name} [options]`, '').trim();
    expect(entry.arguments ?? '').toBe(declared);
  });
});
