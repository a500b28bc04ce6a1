import { stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError, withoutHidden } from '@proofhouse/core';
import type { Download } from '@proofhouse/client';
import type { CommandContext } from '../command-context.ts';
import { printResult } from '../output/print-result.ts';
import { printable } from '../output/printable.ts';
import { bytesText } from '../output/quantities.ts';
import { transferProgress } from '../output/transfer-progress.ts';
import { pipeDownload, saveDownload, targetExists, type ReceivedFile } from './verified-download.ts';

/** The options of a command that decide where a download is saved and how the result is printed. */
export interface Destination {
  /** Path of a file or a folder. `-` means standard output. Default: the current folder. */
  readonly output?: string | undefined;
  readonly force?: true | undefined;
  readonly json?: true | undefined;
  /** File name if the server proposes none. */
  readonly name: string;
  /** Fields that are added to the printed JSON result. */
  readonly about: Readonly<Record<string, string>>;
}

/**
 * Saves a download as a file, checks its digest, and prints the result. With the output `-`, writes the bytes to
 * standard output instead.
 */
export async function keepDownload(context: CommandContext, download: Download, to: Destination): Promise<void> {
  const json = to.json === true;
  if (to.output === '-') return pipeToOutput(context, download, json);
  const target = await targetOf(context, download, to);
  const received = await withProgress(context, download, json, path.basename(target), (onBytes) =>
    saveDownload(download, target, to.force === true, onBytes),
  );
  const result = { path: target, ...to.about, ...received };
  printResult(context, json, result, () => `Saved ${printable(target)} (${receivedText(received)})\n`);
}

async function pipeToOutput(context: CommandContext, download: Download, json: boolean): Promise<void> {
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

/** Returns the path of the file to save. Throws if the file exists, so that the download does not start. */
async function targetOf(
  context: CommandContext,
  download: Download,
  { output, name, force }: Destination,
): Promise<string> {
  try {
    const chosen = path.resolve(context.cwd, output ?? '.');
    const inFolder = await isFolder(chosen);
    const named =
      output !== undefined && (output.endsWith('/') || output.endsWith(path.sep)) ? chosen : path.dirname(chosen);
    if (!inFolder && !(await isFolder(named))) throw noFolder(named);
    const target = inFolder ? path.join(chosen, safeBaseName(download.filename ?? name)) : chosen;
    const taken = await stat(target).catch(() => undefined);
    if (taken !== undefined && !(force === true && taken.isFile())) throw targetExists(target);
    return target;
  } catch (error) {
    await download.body.cancel();
    throw error;
  }
}

async function isFolder(place: string): Promise<boolean> {
  return (await stat(place).catch(() => undefined))?.isDirectory() === true;
}

function noFolder(place: string): AppError {
  return new AppError('invalid_request', `${place} is no folder that is there. Make it, or choose another with -o.`);
}

/** Returns only the last component of the proposed file name. Otherwise the server could choose a folder. */
function safeBaseName(name: string): string {
  const base = withoutHidden(name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1));
  return base === '' || base === '.' || base === '..' ? 'artifact' : base;
}

function receivedText({ sizeBytes, digest, verified }: ReceivedFile): string {
  return `${bytesText(sizeBytes)}, ${digest}, ${verified ? 'verified' : 'not verified: the server named no digest'}`;
}
