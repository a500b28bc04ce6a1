import type { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../command-context.ts';
import { printable } from '../../output/printable.ts';
import { flagsOf, loadServer, serverCommand } from '../../server-command.ts';

const explanation = `
Reads the settings that \`proofhouse serve\` would and looks at each thing that it needs, making none of them; may
run beside the server. Exits with 1 when something is wrong. --grant-readonly lets a role of the Postgres database read everything but secrets.

Example: proofhouse doctor --data-dir /srv/proofhouse`;

export function doctor(command: Command, context: CommandContext) {
  return serverCommand(command)
    .option('--grant-readonly <role>', 'let this role of the database read everything but secrets')
    .option('--json', 'print a line of JSON for each thing')
    .addHelpText('after', explanation)
    .action(async ({ grantReadonly, json, ...options }) => {
      const { examine } = await loadServer();
      const look = { env: context.env, flags: flagsOf(options), grantReadOnly: grantReadonly };
      for await (const { name, outcome, text } of examine(look)) {
        if (outcome === 'wrong') context.exitCode = 1;
        const line = printable(`${outcome.padEnd(5)}  ${name.padEnd(9)}  ${text}`).replace(/[\n\t]/g, ' ');
        context.stdout.write(`${json === true ? JSON.stringify({ name, outcome, text }) : line}\n`);
      }
    });
}
