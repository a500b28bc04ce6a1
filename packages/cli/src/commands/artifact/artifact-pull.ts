import type { Command } from '@commander-js/extra-typings';
import { AppError } from '@proofhouse/core';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, connectedCommand } from '../../connected-command.ts';
import { keepDownload } from '../../transfer/keep-download.ts';

export function artifactPull(command: Command, context: CommandContext) {
  return connectedCommand(command)
    .argument('<jobId>', 'the job it belongs to')
    .argument('[artifactId]', 'the artifact, unless --name is given')
    .option('--name <name>', 'the newest artifact of this name')
    .option('-o, --output <file>', 'a file or folder to save to, or - for standard output (its own name, here)')
    .option('--force', 'replace an existing file')
    .addHelpText(
      'after',
      '\nExample: proofhouse artifact pull 0190b2c4-7d3e-7000-8000-000000000000 --name log.log -o -',
    )
    .action(async (jobId, artifactId, options) => {
      if ((artifactId === undefined) === (options.name === undefined)) {
        throw new AppError('bad_request', 'Give either the id of an artifact or --name.');
      }
      const { name, output, force, json } = options;
      const client = clientOf(options);
      const id = artifactId ?? (await client.artifacts.newest(jobId, name ?? '')).id;
      const download = await client.artifacts.download(jobId, id, { signal: context.signal() });
      const about = { artifactId: id, jobId };
      await keepDownload(context, download, { output, force, json, name: name ?? id, about });
    });
}
