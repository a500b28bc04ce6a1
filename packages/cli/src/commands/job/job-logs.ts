import { Option, type Command } from '@commander-js/extra-typings';
import { isAppError, type JobEvent } from '@proofhouse/core';
import type { ProofhouseClient } from '@proofhouse/client';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand } from '../../connected-command.ts';
import { exitCodeOf, sayBroken } from '../../output/job-outcome.ts';
import { wholeNumber } from '../../input/option-values.ts';
import { printable } from '../../output/printable.ts';

/** Largest number of bytes that are printed from the end of `log.log`. */
const outputTailBytes = 16 * 1024;

const explanation = `
Events are milestones: queued, claimed, what the worker noted, how it ended. What the command said is kept in the artifact
log.log, once the command has ended. With --json each event is one line of JSON. With -f the exit code is 0 when the job
succeeded, else 1.

Example: proofhouse job logs 0190b2c4-7d3e-7000-8000-000000000000 -f`;

export function jobLogs(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .argument('<jobId>', 'the id of the job')
    .option('-f, --follow', 'go on until the job has ended')
    .option('--after <n>', 'only events after this number (0)', wholeNumber)
    .addOption(new Option('--output', 'then the end of what the command said (log.log)').conflicts('json'))
    .addHelpText('after', explanation)
    .action(async (jobId, options) => {
      const json = options.json === true;
      const client = clientOf(options);
      const signal = context.signal();
      const { broken: onBroken, mended } = sayBroken(context);
      const events =
        options.follow === true
          ? client.jobs.followEvents(jobId, { after: options.after, signal, onBroken })
          : client.jobs.eachEvent(jobId, { after: options.after, limit: 500 }, { signal });
      for await (const event of events) {
        mended();
        context.stdout.write(json ? `${JSON.stringify(event)}\n` : `${eventText(event)}\n`);
      }
      if (options.output === true) await printOutput(context, client, jobId, signal);
      if (options.follow === true && !signal.aborted) context.exitCode = exitCodeOf([await client.jobs.get(jobId)]);
    });
}

function eventText(event: JobEvent): string {
  const details = event.payload === undefined ? '' : `  ${JSON.stringify(event.payload)}`;
  const words = printable(`${event.message}${details}`).replace(/[\n\t]/g, ' ');
  const number = String(event.seq).padStart(4);
  return `${number}  ${event.createdAt}  ${event.level.padEnd(5)}  ${event.kind.padEnd(17)}  ${words}`;
}

async function printOutput(
  context: CommandContext,
  client: ProofhouseClient,
  jobId: string,
  signal: AbortSignal,
): Promise<void> {
  const log = await client.artifacts.newest(jobId, 'log.log', { signal }).catch((error: unknown) => {
    if (isAppError(error, 'artifact_not_found')) return undefined;
    throw error;
  });
  if (log === undefined) {
    context.stderr.write('proofhouse: There is no log.log yet: workers deposit it when the command has ended.\n');
    return;
  }
  const from = Math.max(0, log.sizeBytes - outputTailBytes);
  // Without a Range header the whole log is sent. An empty artifact has no valid range, so the header is omitted if the
  // log is short.
  const headers = from === 0 ? {} : { range: `bytes=${from}-` };
  const { body } = await client.artifacts.download(jobId, log.id, { signal, headers });
  const text = await new Response(body).text();
  const whole = from === 0 ? text : text.slice(text.indexOf('\n') + 1);
  const more = from === 0 ? '' : ` (its end; all of it: proofhouse artifact pull ${jobId} ${log.id} -o -)`;
  context.stdout.write(`\nlog.log${more}\n${printable(whole).replace(/\n?$/, '\n')}`);
}
