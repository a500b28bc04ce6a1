import { environmentMask } from '../masking/environment-mask.ts';
import type { SecretMask } from '../masking/secret-mask.ts';
import type { WorkerLog, WorkerOptions } from './worker-options.ts';

/**
 * Returns the mask of a worker, or undefined if masking is off. Throws if a secret file or the mask file cannot be
 * read.
 */
export async function maskOf(options: WorkerOptions): Promise<SecretMask | undefined> {
  const { client, env, secretNames: names, secretFiles: files, maskSecrets = true } = options;
  return maskSecrets ? environmentMask({ env, names, files, tokens: client.secrets }) : undefined;
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
