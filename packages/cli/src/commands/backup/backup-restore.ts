import type { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../command-context.ts';
import { bytesText, counted } from '../../output/quantities.ts';
import { flagsOf, loadServer, serverCommand } from '../../server-command.ts';

const explanation = `
Checks the backup, puts its bytes and then its database in the place that the settings name, and deletes nothing. Refused while a server
runs there. A database that is there, with the log that a crash left, is moved to the folder of --move-existing-to; without that
option the restore is refused. Tokens that were revoked after the backup are valid again: --revoke-all-tokens ends all of them,
and the next start makes a new admin token (unless PROOFHOUSE_ADMIN_TOKEN sets it).

Example: proofhouse backup restore /backups/proofhouse --data-dir /srv/proofhouse --move-existing-to /srv/proofhouse-before`;

export function backupRestore(command: Command, context: CommandContext) {
  return serverCommand(command)
    .argument('<folder>', 'the folder of the backup')
    .option('--move-existing-to <folder>', 'where what is there now goes; on the same disk')
    .option('--revoke-all-tokens', 'end every token, registration and session of the backup, and its admin token')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', explanation)
    .action(async (folder, { moveExistingTo, revokeAllTokens, json, ...options }) => {
      const { restoreStore } = await loadServer();
      const restored = await restoreStore({
        env: context.env,
        flags: flagsOf(options),
        folder,
        moveExistingTo,
        revokeAllTokens: revokeAllTokens === true,
        onNotice: (notice) => context.stderr.write(`proofhouse: ${notice}\n`),
      });
      if (json === true) {
        context.stdout.write(`${JSON.stringify(restored)}\n`);
        return;
      }
      context.stdout.write(`${restoredText(restored, moveExistingTo)}\n`);
    });
}

interface Restored {
  readonly manifest: {
    readonly createdAt: string;
    readonly blobs: { readonly count: number };
    readonly lost: readonly string[];
  };
  readonly copiedBytes: number;
  readonly validTokens: number;
  readonly moved: readonly string[];
}

function restoredText({ manifest, copiedBytes, validTokens, moved }: Restored, movedTo: string | undefined): string {
  const { createdAt, blobs, lost } = manifest;
  const tokens =
    validTokens === 0
      ? 'No token of a worker or user is valid.'
      : `${String(validTokens)} tokens of workers and users and the admin token of the backup are valid, also those that were revoked after it: ` +
        'revoke them (`proofhouse worker token revoke`, `user token revoke`), or restore with --revoke-all-tokens.';
  return [
    `Restored the state of ${createdAt}: ${counted(blobs.count, 'blob')}, ${bytesText(copiedBytes)} copied.`,
    ...(lost.length === 0
      ? []
      : [`${counted(lost.length, 'blob')} ${lost.length === 1 ? 'was' : 'were'} lost before the backup was made.`]),
    ...(moved.length === 0 ? [] : [`Moved to ${String(movedTo)}: ${moved.join(', ')}.`]),
    tokens,
    'Start the server, then run `proofhouse storage verify --repair`.',
  ].join('\n');
}
