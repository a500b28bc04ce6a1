import type { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../command-context.ts';
import { profileName } from '../../input/option-values.ts';
import { printResult } from '../../output/print-result.ts';
import { readProfiles, requireProfile, usualProfile, writeProfiles } from '../../profiles/profile-file.ts';

const explanation = `
Removes the profile with its token from this machine. The token itself stays valid: revoke it with
\`proofhouse user token revoke\`.

Example: proofhouse logout`;

export function logout(command: Command, context: CommandContext) {
  return command
    .option('--profile <name>', 'the profile to remove (the one in use)', profileName)
    .option('--json', 'print JSON to standard output, for programs')
    .addHelpText('after', explanation)
    .action(async ({ profile, json = false }) => {
      const before = await readProfiles(context.env);
      const name = profile ?? before.current ?? usualProfile;
      requireProfile(before, name);
      const byName = new Map([...before.byName].filter(([each]) => each !== name));
      const current = before.current === name ? undefined : before.current;
      await writeProfiles(context.env, { current, byName });
      printResult(context, json, { removed: name }, () => `Profile ${name} is removed. Its token stays valid.\n`);
    });
}
