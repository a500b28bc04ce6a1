import type { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../command-context.ts';
import { printResult } from '../../output/print-result.ts';
import { table } from '../../output/table.ts';
import { readProfiles } from '../../profiles/profile-file.ts';

export function profileList(command: Command, context: CommandContext) {
  return command
    .option('--json', 'print JSON to standard output, for programs')
    .addHelpText('after', '\nExample: proofhouse profile list')
    .action(async ({ json = false }) => {
      const { current, byName } = await readProfiles(context.env);
      const items = [...byName].map(([name, { url }]) => ({ name, url, current: name === current }));
      printResult(context, json, { items }, () => {
        if (items.length === 0) return 'No profiles. `proofhouse login` makes one.\n';
        return table(
          ['NAME', 'URL', 'IN USE'],
          items.map(({ name, url, current: used }) => [name, url, used ? 'yes' : '']),
        );
      });
    });
}
