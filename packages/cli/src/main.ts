#!/usr/bin/env node
import { processContext } from './command-context.ts';
import { runCommandLine } from './command-line.ts';

const context = processContext();

// A reader that has seen enough (`proofhouse job list | head -1`) is no failure; a disk that is full is one.
process.stdout.once('error', (error: NodeJS.ErrnoException) => {
  // What is written after that is lost in the same way.
  process.stdout.on('error', () => undefined);
  if (error.code !== 'EPIPE') {
    context.exitCode = 1;
    context.stderr.write(`proofhouse: Standard output cannot be written: ${error.message}\n`);
  }
  if (context.onOutputLost === undefined) process.exit(context.exitCode);
  context.onOutputLost();
});
// There is nowhere left to say it.
process.stderr.on('error', () => undefined);

const exitCode = await runCommandLine(process.argv.slice(2), context);
process.exitCode = context.interrupted ? 130 : exitCode;
