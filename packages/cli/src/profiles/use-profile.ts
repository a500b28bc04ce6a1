import type { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../command-context.ts';
import { readProfiles, requireProfile } from './profile-file.ts';

/**
 * Takes the URL and the token from a profile, as far as neither an option nor the environment gives them. The token of a
 * profile is sent only to the URL of that profile. Inside the command of a job, profiles are not used: the command must not
 * call the server as the person who started the worker. Errors: those of `readProfiles`, `not_found`.
 */
export async function useProfile(command: Command, context: CommandContext): Promise<void> {
  const isGiven = (name: string): boolean => ['cli', 'env'].includes(command.getOptionValueSource(name) ?? '');
  if (isGiven('url') && isGiven('token')) return;
  if (context.env['PROOFHOUSE_JOB_ID'] !== undefined) return;
  const profiles = await readProfiles(context.env);
  const name = (command.getOptionValue('profile') as string | undefined) ?? profiles.current;
  if (name === undefined) return;
  const { url, token } = requireProfile(profiles, name);
  if (!isGiven('url')) command.setOptionValueWithSource('url', url, 'config');
  const isSame = withoutSlash(command.getOptionValue('url') as string) === withoutSlash(url);
  if (!isGiven('token') && isSame) command.setOptionValueWithSource('token', token, 'config');
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '');
}
