import type { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../command-context.ts';
import { printResult } from '../../output/print-result.ts';
import { readProfiles, requireProfile, writeProfiles } from '../../profiles/profile-file.ts';

export function profileUse(command: Command, context: CommandContext) {
  return command
    .argument('<name>', 'the name of the profile, as the list shows it')
    .option('--json', 'print JSON to standard output, for programs')
    .addHelpText('after', '\nExample: proofhouse profile use staging')
    .action(async (name, { json = false }) => {
      const before = await readProfiles(context.env);
      const { url } = requireProfile(before, name);
      await writeProfiles(context.env, { ...before, current: name });
      printResult(context, json, { current: name, url }, () => `Commands now call ${url} (profile ${name}).\n`);
    });
}
