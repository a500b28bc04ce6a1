import { Command } from '@commander-js/extra-typings';
import { AppError } from '@proofhouse/core';
import type { CommandContext } from '../command-context.ts';

export function serve(context: CommandContext) {
  return new Command('serve')
    .description('Run a server: SQLite and files below ./var unless told otherwise')
    .option('--host <address>', 'address to listen on (127.0.0.1)')
    .option('--port <port>', 'port to listen on; 0 picks a free one (8750)')
    .option('--data-dir <folder>', 'folder of everything kept by default (./var)')
    .option('--database-url <url>', 'sqlite:… or postgres://…')
    .option('--blob-url <url>', 'where bytes are kept: file:…')
    .option('--public-url <url>', 'the address under which browsers reach it')
    .option('--max-artifact-bytes <size>', 'the largest artifact, such as 1GiB')
    .option('--auth <mode>', 'whether callers need a credential')
    .option('--log-level <level>', 'debug, info, warn, error or silent (info)')
    .addHelpText('after', '\nEvery setting can also be given by the environment: see docs/reference/config.md.')
    .addHelpText('after', '\nExample: proofhouse serve --port 8750 --data-dir /srv/proofhouse')
    .action(async (options) => {
      const { runServer } = await loadServer();
      // The settings table names flags as they are typed.
      const flags = Object.fromEntries(
        Object.entries(options).map(([name, value]) => [name.replace(/[A-Z]/g, dashed), value]),
      );
      context.exitCode = await runServer({ env: context.env, flags });
    });
}

function dashed(capital: string): string {
  return `-${capital.toLowerCase()}`;
}

async function loadServer() {
  try {
    return await import('@proofhouse/server');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
    if (!missing || !String(error).includes('@proofhouse/server')) throw error;
    throw new AppError('unsupported', 'The server is not installed here. Install it: npm install @proofhouse/server');
  }
}
