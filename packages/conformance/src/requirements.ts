import type { Requirement } from './requirement.ts';
import { artifactTransferRequirements } from './requirements/artifact-transfer.ts';
import { claimAtomicityRequirements } from './requirements/claim-atomicity.ts';
import { groupRequirements } from './requirements/groups.ts';
import { problemJsonRequirements } from './requirements/problem-json.ts';
import { queueLifecycleRequirements } from './requirements/queue-lifecycle.ts';
import { workerAuthRequirements } from './requirements/worker-auth.ts';
import { workerRegistrationRequirements } from './requirements/worker-registration.ts';

/** All requirements of the protocol, of every level: must, optional and latitude. */
export const requirements: readonly Requirement[] = [
  ...artifactTransferRequirements,
  ...workerRegistrationRequirements,
  ...workerAuthRequirements,
  ...problemJsonRequirements,
  ...groupRequirements,
  ...queueLifecycleRequirements,
  ...claimAtomicityRequirements,
];
