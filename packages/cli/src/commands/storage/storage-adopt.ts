import type { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../command-context.ts';
import { printable } from '../../output/printable.ts';
import { flagsOf, loadServer, serverCommand } from '../../server-command.ts';

const explanation = `
A database and the storage of its blobs bear the same store id; a server does not start where they differ. This command
reads the settings that \`proofhouse serve\` would, says what both are and what adopting means, and with --yes writes the id
of the database into the storage. Stop the server first. Exits with 1 when there is something to adopt and --yes is missing.

Example: proofhouse storage adopt --data-dir /srv/proofhouse`;

export function storageAdopt(command: Command, context: CommandContext) {
  return serverCommand(command)
    .option('--yes', 'do it')
    .addHelpText('after', explanation)
    .action(async ({ yes, ...options }) => {
      const { adoptStorage } = await loadServer();
      const look = { env: context.env, flags: flagsOf(options), confirmed: yes === true };
      const { outcome, lines } = await adoptStorage(look);
      for (const line of lines) context.stdout.write(`${printable(line)}\n`);
      if (outcome === 'would-adopt') context.exitCode = 1;
    });
}
