import type { Scenario } from './scenario.ts';
import { artifactReaderScenarios } from './scenarios/artifact-readers.ts';
import { claimAtomicityScenarios } from './scenarios/claim-atomicity.ts';
import { depositRefusalScenarios } from './scenarios/deposit-refusals.ts';
import { depositScenarios } from './scenarios/deposits.ts';
import { fetchScenarios } from './scenarios/fetches.ts';
import { groupScenarios } from './scenarios/groups.ts';
import { problemJsonScenarios } from './scenarios/problem-json.ts';
import { queueAccessScenarios } from './scenarios/queue-access.ts';
import { queueArtifactScenarios } from './scenarios/queue-artifacts.ts';
import { queueEventScenarios } from './scenarios/queue-events.ts';
import { queueJobScenarios } from './scenarios/queue-jobs.ts';
import { queueLeaseScenarios } from './scenarios/queue-leases.ts';
import { workerAuthScenarios } from './scenarios/worker-auth.ts';
import { workerRegistrationScenarios } from './scenarios/worker-registration.ts';

/** All scenarios. They are black-box tests, which use only the contract and a base URL. */
export const scenarios: readonly Scenario[] = [
  ...depositScenarios,
  ...depositRefusalScenarios,
  ...fetchScenarios,
  ...artifactReaderScenarios,
  ...workerRegistrationScenarios,
  ...workerAuthScenarios,
  ...problemJsonScenarios,
  ...groupScenarios,
  ...queueAccessScenarios,
  ...queueJobScenarios,
  ...queueLeaseScenarios,
  ...queueEventScenarios,
  ...queueArtifactScenarios,
  ...claimAtomicityScenarios,
];
