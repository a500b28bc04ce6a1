import { compileSecrets } from '@proofhouse/core';
import { makeLogger } from '../../kernel/logger.ts';
import { ManualClock } from '../../kernel/time/manual-clock.ts';
import { SecretPolicy } from '../secret-policy.ts';
import { SecretThreads } from '../secret-threads.ts';

/** Returns the policy `off`, for tests about other subjects. It starts no thread. */
export function noSecretPolicy(): SecretPolicy {
  const threads = new SecretThreads({ clock: new ManualClock(), confirmed: false, threads: 1 });
  return new SecretPolicy({ policy: 'off', set: compileSecrets({}), threads, logger: makeLogger('silent') });
}
