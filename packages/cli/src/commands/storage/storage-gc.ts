import type { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand } from '../../connected-command.ts';
import { printable } from '../../output/printable.ts';
import { bytesText, counted } from '../../output/quantities.ts';

const explanation = `
Removes the bytes that retention lets go (PROOFHOUSE_RETENTION) and those that no record names any more. Safe while uploads
run. With --json each thing is one line of JSON.

It refuses where so many old bytes were never named by a record that the database may not be the one of these blobs: more
than 100, and more than 20 % of the old ones. --dry-run says so too. Look at the database before you pass --yes-remove-most.

Example: proofhouse storage gc --dry-run`;

export function storageGc(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .option('--dry-run', 'only say what would go, and why')
    .option('--yes-remove-most', 'also when most old bytes were never named by this database')
    .addHelpText('after', explanation)
    .action(async (options) => {
      const dryRun = options.dryRun === true;
      const json = options.json === true;
      let count = 0;
      let bytes = 0;
      const signal = context.signal();
      const request = { dryRun, ...(options.yesRemoveMost === true ? { yesRemoveMost: true } : {}) };
      for await (const { items, refusal, skipped } of clientOf(options).storage.collect(request, { signal })) {
        for (const place of skipped) {
          const text = `skipped    ${printable(place)} is not a folder of the blob storage; find out who put it there.`;
          context.stdout.write(`${json ? JSON.stringify({ skipped: place }) : text}\n`);
        }
        if (refusal !== null) {
          context.stdout.write(`${json ? JSON.stringify({ refusal }) : `Would be refused: ${printable(refusal)}`}\n`);
        }
        for (const item of items) {
          count += 1;
          bytes += item.sizeBytes;
          const text = `${item.reason.padEnd(9)}  ${bytesText(item.sizeBytes).padStart(10)}  ${printable(item.what)}`;
          context.stdout.write(`${json ? JSON.stringify(item) : text}\n`);
        }
      }
      const things = `${counted(count, 'thing')}, ${bytesText(bytes)}`;
      if (!json) context.stdout.write(dryRun ? `Would go: ${things}.\n` : `Gone: ${things}.\n`);
    });
}
