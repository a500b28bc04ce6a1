#!/usr/bin/env node
import { processContext } from './command-context.ts';
import { runCommandLine } from './command-line.ts';

const context = processContext(() => Date.now());

// A closed pipe is no failure, because its reader needs no more output (`proofhouse job list | head -1`). Other errors,
// such as a full disk, are failures.
process.stdout.once('error', (error: NodeJS.ErrnoException) => {
  // Later writes emit the same error, which is ignored.
  process.stdout.on('error', () => undefined);
  if (error.code !== 'EPIPE') {
    context.exitCode = 1;
    context.stderr.write(`proofhouse: Standard output cannot be written: ${error.message}\n`);
  }
  if (context.onOutputLost === undefined) process.exit(context.exitCode);
  context.onOutputLost();
});
// A failed write to standard error cannot be reported anywhere.
process.stderr.on('error', () => undefined);

const exitCode = await runCommandLine(process.argv.slice(2), context);
process.exitCode = context.interrupted ? 130 : exitCode;
