import { Option, type Command } from '@commander-js/extra-typings';
import { AppError, artifactTypes, type ArtifactType, type JobArtifact } from '@proofhouse/core';
import type { ProofhouseClient } from '@proofhouse/client';
import { uploadMasked, type MaskedUpload, type UploadMasking } from '@proofhouse/client/worker';
import path from 'node:path';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand } from '../../connected-command.ts';
import { masksExplained, maskingOf } from '../../input/masking-of.ts';
import { collect } from '../../input/option-values.ts';
import { about } from '../../output/explain-error.ts';
import { printMasking, warnOfShortValues } from '../../output/masking-text.ts';
import { printResult } from '../../output/print-result.ts';
import { printable } from '../../output/printable.ts';
import { bytesText } from '../../output/quantities.ts';
import { streamUpload } from '../../transfer/stream-upload.ts';
import { withContent } from '../../transfer/with-content.ts';
import { transferProgress } from '../../output/transfer-progress.ts';

interface Labels {
  readonly type?: ArtifactType | undefined;
  readonly title?: string | undefined;
  readonly contentType?: string | undefined;
  readonly lease?: string | undefined;
  readonly json?: true | undefined;
}

const example =
  'Example: proofhouse artifact push 0190b2c4-7d3e-7000-8000-000000000000 reports/unit.xml --type test-result';

export function artifactPush(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .argument('<jobId>', 'the job they belong to')
    .argument('<file...>', 'files; - is standard input and needs --name')
    .option('--name <name>', 'the name in the job, for one file (its relative path)')
    .addOption(new Option('--type <type>', 'what it is (by its ending)').choices(artifactTypes))
    .option('--title <title>', 'what people see')
    .option('--content-type <type>', 'by its ending when left out')
    .addOption(new Option('--lease <id>', "a worker's lease on the job").env('PROOFHOUSE_LEASE_ID'))
    .option('--no-mask', 'send secrets in clear')
    .option('--secret-file <file>', 'a file whose whole content is a secret (repeatable)', collect)
    .option('--secret-name <glob>', 'more variables that hold secrets, such as "*_PASS" (repeatable)', collect)
    .option('--allow-binary', 'send binary files and archives without a scan for secrets')
    .addHelpText('after', `${masksExplained}\n\n${example}`)
    .action(async (jobId, files, options) => {
      if (options.name !== undefined && files.length > 1) {
        throw new AppError('bad_request', '--name is for one file: push them one by one.');
      }
      const client = clientOf(options);
      const masking = await maskingOf(context, options);
      warnOfShortValues(context, masking.mask);
      const pushed: JobArtifact[] = [];
      for (const file of files) {
        const name = options.name ?? nameOf(file);
        const { artifact, ...masked } = await pushOne({ context, client, jobId, masking }, { file, name }, options);
        pushed.push(artifact);
        printMasking(context, options.json === true, artifact.name, masked);
        if (options.json !== true) context.stdout.write(pushedText(artifact));
      }
      printResult(context, options.json === true, { items: pushed }, () => nextStep(jobId, pushed));
    });
}

interface Target {
  readonly context: CommandContext;
  readonly client: ProofhouseClient;
  readonly jobId: string;
  readonly masking: UploadMasking;
}

async function pushOne(
  { context, client, jobId, masking }: Target,
  { file, name }: { readonly file: string; readonly name: string },
  { type, title, contentType, lease, json }: Labels,
): Promise<MaskedUpload> {
  const shownName = (text: string): string => masking.mask?.text(text) ?? text;
  const progress = transferProgress(context, shownName(name), json === true);
  const labels = { name, type, title, contentType };
  const call = { lease, signal: context.signal() };
  const onProgress = (sent: number, size: number): void => progress.update(sent, size);
  try {
    if (file === '-' && masking.mask === undefined) {
      const artifact = await streamUpload(client, jobId, { ...labels, stream: context.stdin }, call);
      return { artifact, receipt: { masked: [] }, unscanned: [] };
    }
    const options = { ...call, masking };
    return await withContent(context, file, (content) =>
      uploadMasked(client, jobId, { ...labels, onProgress }, content, options),
    );
  } catch (error) {
    throw file === '' ? error : about(file === '-' ? 'standard input' : shownName(file), error);
  } finally {
    progress.end();
  }
}

// Returns the artifact name for a file. It is the relative path if the file is below the current folder, else the base
// name.
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
