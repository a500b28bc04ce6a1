import { MaskFile } from '../masking/mask-file.ts';
import { readSecretFiles, SecretMask } from '../masking/secret-mask.ts';
import type { WorkerLog, WorkerOptions } from './worker-options.ts';

/** Returns the mask of a worker, or undefined if masking is off. Throws if a secret file or the mask file cannot be read. */
export async function maskOf(options: WorkerOptions): Promise<SecretMask | undefined> {
  const { client, env = {}, secretNames: names, secretFiles = [], maskSecrets = true } = options;
  if (!maskSecrets) return undefined;
  const token = client.secrets.map((value) => ({ name: 'PROOFHOUSE_TOKEN', value }));
  const mask = new SecretMask({ env, names, values: [...token, ...(await readSecretFiles(secretFiles))] });
  const outer = env['PROOFHOUSE_MASK_FILE'];
  // This worker may itself be the command of another worker's job. Values in the mask file of that job are masked here too.
  if (outer !== undefined && outer !== '') mask.follow(new MaskFile(outer));
  mask.set();
  return mask;
}

export function warnOfMasking(log: WorkerLog, mask: SecretMask | undefined): void {
  if (mask === undefined) {
    log({ level: 'warn', message: 'Masking is off: secrets in logs, diffs and files are deposited in clear.' });
  }
  for (const name of mask?.tooShort ?? []) {
    log({ level: 'warn', message: `The value of ${name} is not masked: it is too short.` });
  }
}

/** Returns a log function that masks the messages. */
export function maskedLog(log: WorkerLog, mask: SecretMask | undefined): WorkerLog {
  if (mask === undefined) return log;
  return (entry) => log({ ...entry, message: mask.text(entry.message) });
}

/** Masks the message of an error, and returns the error. */
export function maskedError(error: unknown, mask: SecretMask | undefined): unknown {
  if (mask !== undefined && error instanceof Error) error.message = mask.text(error.message);
  return error;
}
