import { Option, type Command } from '@commander-js/extra-typings';
import { AppError, isAppError } from '@proofhouse/core';
import type { CommandContext } from '../../command-context.ts';
import { clientOf, usualUrl } from '../../connected-command.ts';
import { profileName } from '../../input/option-values.ts';
import { tokenFromStdin } from '../../input/stdin-token.ts';
import { identityText } from '../../output/identity-text.ts';
import { printResult } from '../../output/print-result.ts';
import { readProfiles, usualProfile, writeProfiles } from '../../profiles/profile-file.ts';

const explanation = `
Checks the token at the server and writes both to $XDG_CONFIG_HOME/proofhouse/config.json (by default below ~/.config), which
only this user may read. Commands then use this profile, unless --url and --token or PROOFHOUSE_URL and PROOFHOUSE_TOKEN say
otherwise. The token of a profile is sent to the server of the profile alone.

Example: proofhouse login --url https://proofhouse.example.com --token-stdin < token.txt`;

export function login(command: Command, context: CommandContext) {
  return command
    .addOption(new Option('--url <url>', 'where the server is').env('PROOFHOUSE_URL'))
    .option('--token-stdin', 'read the token from standard input')
    .option('--profile <name>', 'the name of the profile (default)', profileName)
    .option('--json', 'print JSON to standard output, for programs')
    .addHelpText('after', explanation)
    .action(async ({ url: given, tokenStdin, profile: name = usualProfile, json = false }) => {
      if (tokenStdin !== true) throw new AppError('bad_request', 'Give the token on standard input: --token-stdin.');
      const before = await readProfiles(context.env);
      const url = given ?? before.byName.get(name)?.url ?? usualUrl;
      const token = await tokenFromStdin(context);
      const identity = await clientOf({ url, token })
        .call('identify', {})
        .catch((error: unknown) => {
          if (!isAppError(error, 'unauthenticated')) throw error;
          throw new AppError('unauthenticated', `${url} refuses the token. ${error.message}`, { cause: error });
        });
      const byName = new Map([...before.byName, [name, { url, token }]]);
      const file = await writeProfiles(context.env, { current: name, byName });
      printResult(context, json, { profile: name, url, identity }, () =>
        [`Signed in to ${url} as ${identityText(identity)}`, `Profile ${name} in ${file}`, ''].join('\n'),
      );
    });
}
