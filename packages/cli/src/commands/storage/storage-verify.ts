import { InvalidArgumentError, type Command } from '@commander-js/extra-typings';
import type { VerifiedSlice } from '@proofhouse/client';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand } from '../../connected-command.ts';
import { printable } from '../../output/printable.ts';
import { bytesText, counted } from '../../output/quantities.ts';

type Finding = VerifiedSlice['findings'][number];

const explanation = `
Compares every record with its bytes, all bytes with the records, and the job view with both. Sizes are always compared;
--sample says for what share of the artifacts the bytes are hashed again. Exits with 1 when something is damaged: bytes
that are gone or changed, or something planted. With --json each finding is one line of JSON.

Example: proofhouse storage verify --sample 0.1`;

export function storageVerify(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .option('--sample <share>', 'share of the artifacts that are hashed again, 0 to 1 (1)', share)
    .option('--repair', 'mend the job view; bytes are never touched')
    .addHelpText('after', explanation)
    .action(async (options) => {
      const json = options.json === true;
      const request = { sample: options.sample, repair: options.repair };
      const sums = { records: 0, blobs: 0, hashedBytes: 0, findings: 0, damaged: 0 };
      const signal = context.signal();
      for await (const slice of clientOf(options).storage.verify(request, { signal })) {
        sums.records += slice.checkedRecords;
        sums.blobs += slice.checkedBlobs;
        sums.hashedBytes += slice.hashedBytes;
        sums.findings += slice.findings.length;
        sums.damaged += slice.findings.filter(isDamage).length;
        for (const finding of slice.findings) {
          context.stdout.write(`${json ? JSON.stringify(finding) : findingText(finding)}\n`);
        }
      }
      if (sums.damaged > 0) context.exitCode = 1;
      if (json) return;
      const looked = `${counted(sums.records, 'record')} and ${counted(sums.blobs, 'blob')}; ${bytesText(sums.hashedBytes)} hashed`;
      const found = `${counted(sums.findings, 'finding')}, ${sums.damaged} of them damage`;
      context.stdout.write(`Looked at ${looked}: ${sums.findings === 0 ? 'all is well' : found}.\n`);
    });
}

/**
 * Returns true for a finding that no command can repair. The other findings are repaired by collection or by --repair.
 */
function isDamage({ kind }: Finding): boolean {
  return ['row-without-bytes', 'row-with-wrong-bytes', 'planted'].includes(kind);
}

function findingText({ kind, artifactId, place, message, repaired }: Finding): string {
  const where = artifactId ?? place ?? '';
  const words = [kind.padEnd(20), where, repaired ? `Mended. ${message}` : message];
  return printable(words.filter((word) => word !== '').join('  ')).replace(/[\n\t]/g, ' ');
}

function share(text: string): number {
  const value = /^(0(\.\d+)?|1(\.0+)?|\.\d+)$/.test(text) ? Number(text) : -1;
  if (value >= 0) return value;
  throw new InvalidArgumentError('Give a number from 0 to 1.');
}
