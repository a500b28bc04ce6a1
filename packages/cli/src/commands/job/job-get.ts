import type { Command } from '@commander-js/extra-typings';
import type { Job, JobFinish } from '@proofhouse/core';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand } from '../../connected-command.ts';
import { findingsLines } from '../../output/findings-lines.ts';
import { printResult } from '../../output/print-result.ts';
import { relativeTime } from '../../output/quantities.ts';
import { facts } from '../../output/table.ts';

export function jobGet(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .argument('<jobId>', 'the id of the job')
    .addHelpText('after', '\nExample: proofhouse job get 0190b2c4-7d3e-7000-8000-000000000000')
    .action(async (jobId, options) => {
      const job = await clientOf(options).jobs.get(jobId);
      printResult(context, options.json === true, job, () => jobText(job, context.now()));
    });
}

function finishText({ outcomeCode, outcomeStage, outcomeReason, summary }: JobFinish): string {
  const words = [outcomeCode, outcomeStage, outcomeReason].filter((text) => text !== null).join(' · ');
  const lines = [words, typeof summary === 'object' ? summary && JSON.stringify(summary, null, 2) : summary];
  return lines.filter((line) => line !== null && line !== '').join('\n');
}

function jobText(job: Job, now: number): string {
  const time = (iso: string | null): string => (iso === null ? '' : `${iso} (${relativeTime(iso, now)})`);
  return facts([
    ['job', job.id],
    ['type', job.type],
    ['status', job.status],
    ['attempt', `${job.attempt} of ${job.maxAttempts}`],
    ['priority', String(job.priority)],
    ['capabilities', job.requiredCapabilities.join(', ')],
    ['affinity', job.affinityKey],
    ['parent', job.parentJobId],
    ['manifest', job.manifestName],
    ['created', `${time(job.createdAt)} by ${job.createdBy}`],
    ['worker', job.claimedBy],
    ['last worker', job.claimedBy === null ? job.lastClaimedBy : null],
    ['lease until', job.status === 'running' ? time(job.leaseExpiresAt) : ''],
    ['not before', job.status === 'queued' ? time(job.nextAttemptAt) : ''],
    ['started', time(job.startedAt)],
    ['this attempt', job.attemptStartedAt === job.startedAt ? '' : time(job.attemptStartedAt)],
    ['finished', time(job.finishedAt)],
    ['cancelling', job.cancelRequestedAt === null ? '' : `${time(job.cancelRequestedAt)} ${job.cancelReason ?? ''}`],
    ['result', job.resultSummary],
    ['error', job.errorMessage],
    ['finish', job.finish === null ? '' : finishText(job.finish)],
    ['secrets', job.findings === null ? '' : findingsLines(job.findings).join('\n')],
    ['payload', JSON.stringify(job.payload, null, 2)],
    ['', ''],
    ['next', job.status === 'queued' ? `proofhouse job why ${job.id}` : `proofhouse artifact list ${job.id}`],
  ]);
}
