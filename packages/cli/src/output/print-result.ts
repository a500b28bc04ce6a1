import type { CommandContext } from '../command-context.ts';

/** Prints the result on standard output: as JSON for programs, as text for people. */
export function printResult(context: CommandContext, json: boolean, value: unknown, text: () => string): void {
  context.stdout.write(json ? `${JSON.stringify(value, null, 2)}\n` : text());
}
