import type { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../command-context.ts';
import { bytesText, counted } from '../../output/quantities.ts';
import { flagsOf, loadServer, serverCommand } from '../../server-command.ts';

const explanation = `
Copies the SQLite database and then the bytes that it names to a folder, checks both, and writes backup.json last: a folder without it is
not a complete backup. May run beside the server. A folder with an earlier backup is renewed: bytes that are there are not copied
again. Exits with 1 when bytes of records were missing or damaged in the store itself.

Example: proofhouse backup create /backups/proofhouse --data-dir /srv/proofhouse`;

export function backupCreate(command: Command, context: CommandContext) {
  return serverCommand(command)
    .argument('<folder>', 'a folder that is empty, missing, or holds an earlier backup')
    .option('--verify', 'also hash the bytes that an earlier backup left in the folder')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', explanation)
    .action(async (folder, { verify, json, ...options }) => {
      const { backUpStore } = await loadServer();
      const { manifest, copiedBytes } = await backUpStore({
        env: context.env,
        flags: flagsOf(options),
        folder,
        verify: verify === true,
        onNotice: (notice) => context.stderr.write(`proofhouse: ${notice}\n`),
      });
      const { createdAt, database, blobs, lost } = manifest;
      for (const key of lost) {
        context.stderr.write(`proofhouse: The bytes of blob ${key} are missing or damaged in the store.\n`);
      }
      if (lost.length > 0) context.exitCode = 1;
      const text =
        `Backed up ${createdAt}: database ${bytesText(database.sizeBytes)}, ${counted(blobs.count, 'blob')} of ` +
        `${bytesText(blobs.sizeBytes)} (${bytesText(copiedBytes)} copied now), ${String(lost.length)} lost before.`;
      context.stdout.write(`${json === true ? JSON.stringify({ ...manifest, copiedBytes }) : text}\n`);
    });
}
