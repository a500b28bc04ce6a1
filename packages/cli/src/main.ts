#!/usr/bin/env node
import { processContext } from './command-context.ts';
import { runCommandLine } from './command-line.ts';

const context = processContext(() => Date.now());

// A closed pipe is no failure, because the reader needs no more output (`proofhouse job list | head -1`). Any other
// error, such as a full disk, is a failure.
process.stdout.once('error', (error: NodeJS.ErrnoException) => {
  // Later writes emit the same error. It is ignored.
  process.stdout.on('error', () => undefined);
  if (error.code !== 'EPIPE') {
    context.exitCode = 1;
    context.stderr.write(`proofhouse: Standard output cannot be written: ${error.message}\n`);
  }
  if (context.onOutputLost === undefined) process.exit(context.exitCode);
  context.onOutputLost();
});
// If a write to standard error fails, this cannot be reported.
process.stderr.on('error', () => undefined);

const exitCode = await runCommandLine(process.argv.slice(2), context);
process.exitCode = context.interrupted ? 130 : exitCode;
