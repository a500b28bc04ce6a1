import type { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../command-context.ts';
import { flagsOf, loadServer, serverCommand } from '../../server-command.ts';

export function serve(command: Command, context: CommandContext) {
  return serverCommand(command)
    .addHelpText('after', '\nExample: proofhouse serve --port 8750 --data-dir /srv/proofhouse')
    .action(async (options) => {
      const { runServer } = await loadServer();
      context.exitCode = await runServer({ env: context.env, flags: flagsOf(options) });
    });
}
