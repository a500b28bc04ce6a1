import type { Command } from '@commander-js/extra-typings';
import { AppError } from '@proofhouse/core';

/** Adds an option for each setting of the server. Environment variables can set the same settings. */
export function serverCommand(command: Command) {
  return command
    .option('--host <address>', 'address to listen on (127.0.0.1)')
    .option('--port <port>', 'port to listen on; 0 picks a free one (8750)')
    .option('--data-dir <folder>', 'folder of everything kept by default (./var)')
    .option('--database-url <url>', 'sqlite:… or postgres://…')
    .option('--blob-url <url>', 'where bytes are kept: file:…')
    .option('--experiment <id>', 'an experiment to make at the start when it is not there')
    .option('--public-url <url>', 'the address under which browsers reach it')
    .option('--max-artifact-bytes <size>', 'the largest artifact, such as 1GiB')
    .option('--auth <mode>', 'whether callers need a credential')
    .option('--log-level <level>', 'debug, info, warn, error or silent (info)')
    .addHelpText('after', '\nEvery setting can also be given by the environment: see docs/reference/config.md.');
}

/** Returns the options with flag names as keys: `dataDir` becomes `data-dir`. */
export function flagsOf(options: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [
      name.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`),
      value,
    ]),
  );
}

export async function loadServer() {
  try {
    return await import('@proofhouse/server');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
    if (!missing || !String(error).includes('@proofhouse/server')) throw error;
    throw new AppError('unsupported', 'The server is not installed here. Install it: npm install @proofhouse/server');
  }
}
