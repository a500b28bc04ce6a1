import { AppError, problemOf, type JobRecord, type Problem } from '@proofhouse/core';
import { maskedError, maskedText } from '../secrets/masked-error.ts';

/** The items of a batch that name one job each. */
export type JobItems = readonly { readonly jobId: string }[];

/** The result of one item of a batch: the changed job, or the problem document of the refused item. */
export type JobResult =
  { readonly jobId: string; readonly job: JobRecord } | { readonly jobId: string; readonly error: Problem };

/** Runs `work` for each item, independently of the other items. The results have the order of the items. */
export function eachJob<Item extends { readonly jobId: string }>(
  items: readonly Item[],
  work: (item: Item) => Promise<JobRecord>,
): Promise<JobResult[]> {
  return Promise.all(
    items.map(async (item) => {
      try {
        return { jobId: item.jobId, job: await work(item) };
      } catch (error) {
        if (error instanceof AppError) return { jobId: maskedText(item.jobId), error: problemOf(maskedError(error)) };
        throw error;
      }
    }),
  );
}
