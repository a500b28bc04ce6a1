import { describe } from 'vitest';
import { artifactRecordsContract } from './contract/artifact-records.contract.ts';
import { blobOwnersContract } from './contract/blob-owners.contract.ts';
import { commitsContract } from './contract/commits.contract.ts';
import { experimentsContract } from './contract/experiments.contract.ts';
import { groupsContract } from './contract/groups.contract.ts';
import { modelContract } from './contract/model.contract.ts';
import { peopleContract } from './contract/people.contract.ts';
import { presenceContract } from './contract/presence.contract.ts';
import { queueContract } from './contract/queue.contract.ts';
import { racesContract } from './contract/races.contract.ts';
import { recordsContract } from './contract/records.contract.ts';
import { registrationsContract } from './contract/registrations.contract.ts';
import type { StoreHarness } from './contract/store-harness.ts';

export type { StoreHarness, StoreUnderTest } from './contract/store-harness.ts';

/**
 * The contract tests that the store of every engine must pass. `histories` is the number of random sequences of calls
 * that are compared with a model.
 */
export function metadataStoreContract(name: string, harness: StoreHarness, histories = 50): void {
  describe(name, () => {
    queueContract(harness);
    recordsContract(harness);
    commitsContract(harness);
    artifactRecordsContract(harness);
    blobOwnersContract(harness, histories);
    experimentsContract(harness);
    groupsContract(harness);
    registrationsContract(harness);
    presenceContract(harness);
    peopleContract(harness);
    racesContract(harness);
    modelContract(harness, histories);
  });
}
