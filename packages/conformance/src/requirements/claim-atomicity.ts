import { must, operational, requirementsOf } from '../requirement.ts';

const claim = 'queue contract, Claim';

export const claimAtomicityRequirements = requirementsOf('claim atomicity', {
  'CA-01': must('Of many claimers at once, each job goes to exactly one, and no job stays behind.', claim),
  'CA-02': must('Every claim has a lease of its own.', claim),
  'CA-03': must('Jobs go out by priority, highest first, then by age, then by id.', claim),
  'CA-04': must('A job that needs what the worker lacks never hides an eligible job behind it.', claim),
  'CA-05': must('A delayed job is not claimed before its time and never hides an eligible job behind it.', claim),
  'CA-06': must('A claim keeps to the types of request and token; two that share none are 403.', claim),
  'CA-07': must('A token with repositories gets jobs of these alone.', claim),
  'CA-08': must("Capabilities are compared without case, and a token's list replaces the request's.", claim),
  'CA-09': must('A claim that waits gets a job that arrives while it waits.', claim),
  'CA-10': must('Claims of many jobs at once share them out without giving one twice.', claim),
  'CA-11': must('A job whose lease passed goes to exactly one of those who wait for it.', claim),
  'CA-12': must(
    'A claim repeated under its Idempotency-Key answers the job it got before.',
    'common contract, Idempotency',
  ),
  'CA-13': must('A lease, a wait or a number of jobs out of range is 422.', claim),
  'CA-14': operational(
    'A job that requires nothing can be claimed by anyone.',
    claim,
    "on a shared server it would be taken by, or from, workers that are not the kit's",
  ),
  'CA-15': operational('An ineligible head costs nothing.', claim, 'a cost is measured, not asserted over a network'),
});
