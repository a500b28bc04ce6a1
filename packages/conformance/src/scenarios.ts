import type { Scenario } from './scenario.ts';
import { claimAtomicityScenarios } from './scenarios/claim-atomicity.ts';
import { queueAccessScenarios } from './scenarios/queue-access.ts';
import { queueArtifactScenarios } from './scenarios/queue-artifacts.ts';
import { queueEventScenarios } from './scenarios/queue-events.ts';
import { queueJobScenarios } from './scenarios/queue-jobs.ts';
import { queueLeaseScenarios } from './scenarios/queue-leases.ts';

/** Black-box scenarios: they know the contract and a base URL. */
export const scenarios: readonly Scenario[] = [
  ...queueAccessScenarios,
  ...queueJobScenarios,
  ...queueLeaseScenarios,
  ...queueEventScenarios,
  ...queueArtifactScenarios,
  ...claimAtomicityScenarios,
];
