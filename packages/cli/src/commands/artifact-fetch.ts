import type { CommandContext } from '../command-context.ts';
import { experimentCommand, experimentOf } from '../experiment-command.ts';
import { keepDownload } from '../keep-download.ts';

export function artifactFetch(context: CommandContext) {
  return experimentCommand('fetch')
    .description('Fetch a deposit by its URI and verify its digest')
    .argument('<uri>', 'whole, as the deposit printed it')
    .option('-o, --output <file>', 'a file or folder to save to, or - for standard output (its own name, here)')
    .option('--force', 'replace an existing file')
    .addHelpText(
      'after',
      '\nExample: proofhouse artifact fetch proofhouse://artifacts/Ab3 --experiment exp_01jd7v6m5x0000000000000000 -o report.json',
    )
    .action(async (uri, options) => {
      const { output, force, json } = options;
      const download = await experimentOf(options).fetch(uri, { signal: context.signal() });
      await keepDownload(context, download, { output, force, json, name: 'artifact', about: { uri } });
    });
}
