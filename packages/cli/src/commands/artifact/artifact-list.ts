import type { Command } from '@commander-js/extra-typings';
import type { ProofhouseClient } from '@proofhouse/client';
import type { JobArtifact } from '@proofhouse/core';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand } from '../../connected-command.ts';
import { positiveInteger } from '../../input/option-values.ts';
import { findingsLines } from '../../output/findings-lines.ts';
import { printable } from '../../output/printable.ts';
import { printResult } from '../../output/print-result.ts';
import { bytesText, relativeTime } from '../../output/quantities.ts';
import { table } from '../../output/table.ts';

export function artifactList(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .argument('<jobId>', 'the job they belong to')
    .option('--name <name>', 'only the versions of this name')
    .option('--limit <n>', 'how many at most (200)', positiveInteger)
    .option('--cursor <cursor>', 'go on where the last page ended')
    .addHelpText('after', '\nExample: proofhouse artifact list 0190b2c4-7d3e-7000-8000-000000000000')
    .action(async (jobId, options) => {
      const { name, limit, cursor } = options;
      const client = clientOf(options);
      const page = await client.artifacts.list(jobId, { name, limit, cursor });
      const found = options.json === true ? [] : await secretsIn(client, jobId, page.items);
      const now = context.now();
      printResult(context, options.json === true, page, () => {
        if (page.items.length === 0 && page.nextCursor === null) return 'No artifacts.\n';
        const rows = page.items.map((artifact) => [
          artifact.id,
          artifact.name,
          artifact.type,
          bytesText(artifact.sizeBytes),
          relativeTime(artifact.createdAt, now),
          artifact.digest.slice(0, 'sha256:'.length + 12),
        ]);
        const more = page.nextCursor === null ? '' : `More: add --cursor ${page.nextCursor}\n`;
        const next = page.items[0] === undefined ? '' : `Next: proofhouse artifact pull ${jobId} ${page.items[0].id}\n`;
        return table(['ID', 'NAME', 'TYPE', 'SIZE', 'CREATED', 'DIGEST'], rows) + found.join('') + more + next;
      });
    });
}

/** Returns one line for each secret that the server found in the newest 200 artifacts of a job, if the caller may list them. */
async function secretsIn(client: ProofhouseClient, jobId: string, shown: readonly JobArtifact[]): Promise<string[]> {
  const query = { jobId, limit: 200 };
  const { artifacts } = await client.call('listArtifacts', { query }).catch(() => ({ artifacts: [] }));
  const names = new Map(shown.map(({ id, name }) => [id, name]));
  return artifacts.flatMap(({ id, findings }) => {
    const name = names.get(id);
    if (name === undefined || findings === null) return [];
    return findingsLines(findings).map((line) => `Secrets in ${printable(name)}: ${printable(line)}\n`);
  });
}
