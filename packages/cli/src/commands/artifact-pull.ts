import { stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '@proofhouse/core';
import type { Download } from '@proofhouse/client';
import type { CommandContext } from '../command-context.ts';
import { clientOf, connectedCommand } from '../connected-command.ts';
import { printResult } from '../print-result.ts';
import { printable } from '../printable.ts';
import { bytesText } from '../quantities.ts';
import { transferProgress } from '../transfer-progress.ts';
import { pipeDownload, saveDownload, targetExists, type ReceivedFile } from '../verified-download.ts';

export function artifactPull(context: CommandContext) {
  return connectedCommand('pull')
    .alias('download')
    .description('Download an artifact and verify its digest')
    .argument('<jobId>', 'the job it belongs to')
    .argument('[artifactId]', 'the artifact, unless --name is given')
    .option('--name <name>', 'the newest artifact of this name')
    .option('-o, --output <file>', 'a file or folder to save to, or - for standard output (its own name, here)')
    .option('--force', 'replace an existing file')
    .addHelpText(
      'after',
      '\nExample: proofhouse artifact pull 0190b2c4-7d3e-7000-8000-000000000000 --name log.log -o -',
    )
    .action(async (jobId, artifactId, options) => {
      if ((artifactId === undefined) === (options.name === undefined)) {
        throw new AppError('bad_request', 'Give either the id of an artifact or --name.');
      }
      const json = options.json === true;
      const client = clientOf(options);
      const id = artifactId ?? (await client.artifacts.newest(jobId, options.name ?? '')).id;
      const download = await client.artifacts.download(jobId, id, { signal: context.signal() });
      if (options.output === '-') return pullToOutput(context, download, json);
      const target = await targetOf(context, download, options.output, options.name ?? id, options.force === true);
      const received = await withProgress(context, download, json, path.basename(target), (onBytes) =>
        saveDownload(download, target, options.force === true, onBytes),
      );
      const result = { path: target, artifactId: id, jobId, ...received };
      printResult(context, json, result, () => `Saved ${printable(target)} (${receivedText(received)})\n`);
    });
}

async function pullToOutput(context: CommandContext, download: Download, json: boolean): Promise<void> {
  const received = await withProgress(context, download, json, download.filename ?? 'artifact', (onBytes) =>
    pipeDownload(download, context.stdout, onBytes),
  );
  if (!json && !received.verified) context.stderr.write(`proofhouse: ${receivedText(received)}\n`);
}

async function withProgress(
  context: CommandContext,
  download: Download,
  json: boolean,
  label: string,
  transfer: (onBytes: (received: number) => void) => Promise<ReceivedFile>,
): Promise<ReceivedFile> {
  const progress = transferProgress(context, printable(label), json);
  const { sizeBytes } = download;
  try {
    return await transfer((received) => progress.update(received, sizeBytes ?? received));
  } finally {
    progress.end();
  }
}

/** Where to save. What exists is refused before the bytes come, not after. */
async function targetOf(
  context: CommandContext,
  download: Download,
  output: string | undefined,
  name: string,
  force: boolean,
): Promise<string> {
  try {
    const chosen = path.resolve(context.cwd, output ?? '.');
    const existing = await stat(chosen).catch(() => undefined);
    const target =
      existing?.isDirectory() === true ? path.join(chosen, safeBaseName(download.filename ?? name)) : chosen;
    const taken = await stat(target).catch(() => undefined);
    if (taken !== undefined && !(force && taken.isFile())) throw targetExists(target);
    return target;
  } catch (error) {
    await download.body.cancel();
    throw error;
  }
}

/** The server proposes a name, never a place. */
function safeBaseName(name: string): string {
  const base = printable(name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1));
  return base === '' || base === '.' || base === '..' ? 'artifact' : base;
}

function receivedText({ sizeBytes, digest, verified }: ReceivedFile): string {
  return `${bytesText(sizeBytes)}, ${digest}, ${verified ? 'verified' : 'not verified: the server named no digest'}`;
}
