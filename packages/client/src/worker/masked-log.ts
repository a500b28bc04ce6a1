import type { SecretMask } from '../masking/secret-mask.ts';
import type { WorkerLog } from './worker-options.ts';

/** Returns a log function that masks the messages. */
export function maskedLog(log: WorkerLog, mask: SecretMask | undefined): WorkerLog {
  if (mask === undefined) return log;
  return (entry) => log({ ...entry, message: mask.text(entry.message) });
}
