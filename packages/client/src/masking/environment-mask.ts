import type { KnownValue } from '@proofhouse/core';
import { MaskFile } from './mask-file.ts';
import { readSecretFiles, SecretMask } from './secret-mask.ts';

export interface MaskSources {
  /**
   * Environment variables. The values of variables with secret names, and passwords in URLs, become known values.
   * `PROOFHOUSE_MASK_FILE` names a file to which `proofhouse mask add` appends values.
   */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Globs for names of other variables that contain secrets. */
  readonly names?: readonly string[] | undefined;
  /** Paths of files whose whole content is a secret. */
  readonly files?: readonly string[] | undefined;
  /** Tokens that the caller sends to the server. */
  readonly tokens?: readonly string[] | undefined;
}

/** Returns the mask of a process. Throws if a secret file or the mask file cannot be read. */
export async function environmentMask({ env = {}, names, files = [], tokens = [] }: MaskSources): Promise<SecretMask> {
  const own = tokens.map((value): KnownValue => ({ name: 'PROOFHOUSE_TOKEN', value }));
  const mask = new SecretMask({ env, names, values: [...own, ...(await readSecretFiles(files))] });
  const added = env['PROOFHOUSE_MASK_FILE'];
  // This process may be the command of a job. Values in the mask file of that job must be masked here too.
  if (added !== undefined && added !== '') mask.follow(new MaskFile(added));
  mask.set();
  return mask;
}
