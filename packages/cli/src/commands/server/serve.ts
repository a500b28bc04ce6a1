import type { CommandContext } from '../../command-context.ts';
import { flagsOf, loadServer, serverCommand } from '../../server-command.ts';

export function serve(context: CommandContext) {
  return serverCommand('serve')
    .description('Run a server: SQLite and files below ./var unless told otherwise')
    .addHelpText('after', '\nExample: proofhouse serve --port 8750 --data-dir /srv/proofhouse')
    .action(async (options) => {
      const { runServer } = await loadServer();
      context.exitCode = await runServer({ env: context.env, flags: flagsOf(options) });
    });
}
