import { groupIdPattern, type WorkerRecord } from '@proofhouse/core';
import type { Groups } from './groups.ts';

/** Tells who may be let to read in an experiment: a worker of it or of none, or a group of it. */
export function knownReader({
  groups,
  findWorker,
}: {
  readonly groups: Pick<Groups, 'has'>;
  readonly findWorker: (workerId: string) => Promise<WorkerRecord | undefined>;
}): (experimentId: string, id: string) => Promise<boolean> {
  return async (experimentId, id) => {
    if (groupIdPattern.test(id)) return groups.has(experimentId, id);
    const worker = await findWorker(id);
    return worker !== undefined && (worker.experimentId === null || worker.experimentId === experimentId);
  };
}
