import type { Requirement } from './requirement.ts';
import { claimAtomicityRequirements } from './requirements/claim-atomicity.ts';
import { queueLifecycleRequirements } from './requirements/queue-lifecycle.ts';

/** Everything a server of this protocol owes, may offer, or decides for itself. */
export const requirements: readonly Requirement[] = [
  ...queueLifecycleRequirements,
  ...claimAtomicityRequirements,
];
