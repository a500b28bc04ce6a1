import { Option, type Command } from '@commander-js/extra-typings';
import { ProofhouseClient, type RetryPolicy } from '@proofhouse/client';
import { profileName } from './input/option-values.ts';

/** Options of every command that calls a server. */
export interface ConnectionOptions {
  readonly url: string;
  readonly token?: string | undefined;
  readonly json?: true | undefined;
}

/** The URL of a server on this machine with the default port. */
export const usualUrl = 'http://127.0.0.1:8750';

const connection = 'Connection and output:';

/**
 * Adds the options for the URL of the server, the token and the choice of output. `useProfile` sets the URL and the token if
 * neither an option nor the environment does.
 */
export function connectedCommand(command: Command) {
  const url = new Option('--url <url>', 'where the server is').env('PROOFHOUSE_URL').default(usualUrl);
  const token = new Option('--token <token>', 'who is calling; better given by the variable').env('PROOFHOUSE_TOKEN');
  const profile = new Option('--profile <name>', 'the profile of `proofhouse login` to use')
    .env('PROOFHOUSE_PROFILE')
    .argParser(profileName);
  return command
    .addOption(url.helpGroup(connection))
    .addOption(token.helpGroup(connection))
    .addOption(profile.helpGroup(connection))
    .addOption(new Option('--json', 'print JSON to standard output, for programs').helpGroup(connection));
}

export function clientOf(options: ConnectionOptions, retry: Partial<RetryPolicy> = {}): ProofhouseClient {
  return new ProofhouseClient({
    url: options.url,
    token: options.token?.trim() === '' ? undefined : options.token,
    // A person waits for the result. So the command reports an error after only 4 tries.
    retry: { tries: 4, ...retry },
  });
}
