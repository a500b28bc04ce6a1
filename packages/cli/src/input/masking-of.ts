import path from 'node:path';
import { environmentMask, type SecretMask } from '@proofhouse/client/masking';
import type { UploadMasking } from '@proofhouse/client/worker';
import type { CommandContext } from '../command-context.ts';
import { clientOf, type ConnectionOptions } from '../connected-command.ts';

/** The options that say which known values are masked. */
export interface MaskFlags {
  readonly secretFile?: readonly string[] | undefined;
  readonly secretName?: readonly string[] | undefined;
}

/** The options of a command that sends files. */
export interface MaskingFlags extends MaskFlags {
  /**
   * False after `--no-mask`, else undefined. The default is not true, because commander sets no defaults for a command
   * that is configured in a hook.
   */
  readonly mask?: boolean | undefined;
  readonly allowBinary?: true | undefined;
}

export const masksExplained = `
Secrets in files that are text are replaced by ***MASKED*** before anything is sent: values of environment variables whose
names contain PASSWORD, TOKEN, SECRET, API_KEY and the like, the token of the call, and secrets of known formats. Size and
digest are those of the bytes that were sent. What was masked is printed on standard error, never a value. A binary file or
an archive with a secret, or a file with a secret in its name, is not sent. --no-mask sends the bytes unchanged.`;

/** Returns the mask for the environment of a command. */
export function maskOf(
  context: CommandContext,
  { secretFile = [], secretName: names }: MaskFlags,
  tokens: readonly string[] = [],
): Promise<SecretMask> {
  const files = secretFile.map((file) => path.resolve(context.cwd, file));
  return environmentMask({ env: context.env, names, files, tokens });
}

/** Returns the settings with which a command masks the files that it sends. */
export async function maskingOf(
  context: CommandContext,
  options: MaskingFlags & ConnectionOptions,
): Promise<UploadMasking> {
  const mask = options.mask !== false ? await maskOf(context, options, clientOf(options).secrets) : undefined;
  return { mask, allowBinary: options.allowBinary };
}
