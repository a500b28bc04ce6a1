import { Option, type Command } from '@commander-js/extra-typings';
import { AppError, artifactTypes, type ArtifactType, type JobArtifact } from '@proofhouse/core';
import type { ProofhouseClient } from '@proofhouse/client';
import { uploadFile } from '@proofhouse/client/worker';
import path from 'node:path';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand } from '../../connected-command.ts';
import { printResult } from '../../output/print-result.ts';
import { printable } from '../../output/printable.ts';
import { bytesText } from '../../output/quantities.ts';
import { streamUpload } from '../../transfer/stream-upload.ts';
import { transferProgress } from '../../output/transfer-progress.ts';

interface Labels {
  readonly name?: string | undefined;
  readonly type?: ArtifactType | undefined;
  readonly title?: string | undefined;
  readonly contentType?: string | undefined;
  readonly lease?: string | undefined;
  readonly json?: true | undefined;
}

export function artifactPush(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .argument('<jobId>', 'the job they belong to')
    .argument('<file...>', 'files; - is standard input and needs --name')
    .option('--name <name>', 'the name in the job, for one file (its relative path)')
    .addOption(new Option('--type <type>', 'what it is (by its ending)').choices(artifactTypes))
    .option('--title <title>', 'what people see')
    .option('--content-type <type>', 'by its ending when left out')
    .addOption(new Option('--lease <id>', "a worker's lease on the job").env('PROOFHOUSE_LEASE_ID'))
    .addHelpText(
      'after',
      '\nExample: proofhouse artifact push 0190b2c4-7d3e-7000-8000-000000000000 reports/unit.xml --type test-result',
    )
    .action(async (jobId, files, options) => {
      if (options.name !== undefined && files.length > 1) {
        throw new AppError('bad_request', '--name is for one file: push them one by one.');
      }
      const client = clientOf(options);
      const pushed: JobArtifact[] = [];
      for (const file of files) {
        const artifact = await pushOne(context, client, jobId, file, options);
        pushed.push(artifact);
        if (options.json !== true) context.stdout.write(pushedText(artifact));
      }
      printResult(context, options.json === true, { items: pushed }, () => nextStep(jobId, pushed));
    });
}

async function pushOne(
  context: CommandContext,
  client: ProofhouseClient,
  jobId: string,
  file: string,
  labels: Labels,
): Promise<JobArtifact> {
  const { type, title, contentType } = labels;
  const name = labels.name ?? nameOf(file);
  const progress = transferProgress(context, name, labels.json === true);
  const options = { lease: labels.lease, signal: context.signal() };
  try {
    if (file === '-')
      return await streamUpload(client, jobId, { name, type, title, contentType, stream: context.stdin }, options);
    const onProgress = (sent: number, size: number): void => progress.update(sent, size);
    return await uploadFile(
      client,
      jobId,
      { path: path.resolve(context.cwd, file), name, type, title, contentType, onProgress },
      options,
    );
  } finally {
    progress.end();
  }
}

// Returns the artifact name for a file: its relative path if it is below the current folder, else its base name.
function nameOf(file: string): string {
  if (file === '-') throw new AppError('bad_request', 'Standard input has no name: add --name.');
  const normal = path.normalize(file);
  const below = !path.isAbsolute(normal) && !normal.startsWith('..');
  return below ? normal.split(path.sep).join('/') : path.basename(normal);
}

function pushedText(artifact: JobArtifact): string {
  return `Pushed ${printable(artifact.name)} (${bytesText(artifact.sizeBytes)}, ${artifact.digest})\n`;
}

function nextStep(jobId: string, pushed: readonly JobArtifact[]): string {
  const [only] = pushed;
  return pushed.length === 1 && only !== undefined
    ? `Next: proofhouse artifact pull ${jobId} ${only.id}\n`
    : `Next: proofhouse artifact list ${jobId}\n`;
}
