#!/usr/bin/env node
import { processContext } from './command-context.ts';
import { runCommandLine } from './command-line.ts';

// A reader that has seen enough (`proofhouse job list | head -1`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const context = processContext();
const exitCode = await runCommandLine(process.argv.slice(2), context);
process.exitCode = context.interrupted ? 130 : exitCode;
