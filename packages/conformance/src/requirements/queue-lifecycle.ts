import { must, operational, requirementsOf } from '../requirement.ts';

const who = 'queue contract, Who calls';
const jobs = 'queue contract, Jobs';
const machine = 'queue contract, State machine';
const fencing = 'queue contract, Fencing';
const events = 'queue contract, Events';
const artifacts = 'queue contract, Job artifacts';

export const queueLifecycleRequirements = requirementsOf('queue lifecycle', {
  'QL-01': must('A missing, blank, unknown or revoked credential is 401 unauthenticated.', who),
  'QL-02': must('A worker may show its token as Bearer, as X-Worker-Token or as X-MoonMind-Worker-Token.', who),
  'QL-03': must('A worker may not create jobs, cancel them or manage tokens: 403.', who),
  'QL-04': must("A workerId that is not the token's is 403 worker_not_authorized, before the job is looked up.", who),
  'QL-05': must('A worker token is shown once; lists never show it.', who),
  'QL-06': must('Errors are problem documents with the code of the contract.', 'RFC 9457; queue contract'),
  'QL-07': must('A created job is 201: queued, with its defaults, and can be read back.', jobs),
  'QL-08': must('An unknown type, field or a value out of range is 422.', jobs),
  'QL-09': must(
    'A repeated idempotencyKey gives the first job with 200; another body is 409 idempotency_conflict.',
    jobs,
  ),
  'QL-10': must(
    'Lists are newest first, paged by an opaque cursor until it is null; a foreign cursor is 400 invalid_cursor.',
    'common contract, Ids, times, lists',
  ),
  'QL-11': must('An unknown job is 404 job_not_found.', jobs),
  'QL-12': must(
    'A claim makes the job running under a lease of its own; without an eligible job it answers null.',
    machine,
  ),
  'QL-13': must('leaseId is shown to its holder only.', jobs),
  'QL-14': must('A heartbeat renews the lease to now plus leaseSeconds.', jobs),
  'QL-15': must('complete ends the job as succeeded, with its summary.', machine),
  'QL-16': must('fail ends the job as failed; a blank errorMessage is 422.', machine),
  'QL-17': must('fail with retryable queues the next attempt after 15 s times two for each attempt before.', machine),
  'QL-18': must('A failure that leaves no attempt is dead_letter.', machine),
  'QL-19': must('A lease that passes puts the job back for the next attempt, without waiting for a claim.', machine),
  'QL-20': must('A lease that passes on the last attempt is dead_letter.', machine),
  'QL-21': must(
    'Cancelling a queued job ends it at once; cancelling again changes nothing and keeps the first reason.',
    machine,
  ),
  'QL-22': must('Cancelling a running job asks its holder, who sees it at the heartbeat and acknowledges.', machine),
  'QL-23': must('A job completed after a cancel request is succeeded.', machine),
  'QL-24': must('A job that fails with a cancel request pending is cancelled.', machine),
  'QL-25': must('Cancelling a succeeded, failed or dead-lettered job is 409 job_state_conflict.', machine),
  'QL-26': must(
    'retry puts a failed or dead-lettered job back with the next attempt; in other states it is 409.',
    machine,
  ),
  'QL-27': must(
    'A lease that is not current is 409 lease_lost for every write of a worker, and changes nothing.',
    fencing,
  ),
  'QL-28': must(
    'Without a lease: not running is 409 job_state_conflict, held by another 409 job_ownership_mismatch, uploads 403 worker_not_authorized.',
    fencing,
  ),
  'QL-29': must("A lease in the body that differs from the header's is 422; alone it is an alias.", fencing),
  'QL-30': must('The recorded final call, repeated under its lease, is 200.', fencing),
  'QL-31': must('An unknown job is 404 job_not_found whatever the lease.', fencing),
  'QL-32': must('Events are numbered from 1 without gaps, one or many in a call.', events),
  'QL-33': must(
    'The log is read by cursor with a limit, oldest first; the cursor is null at the end of a final job.',
    events,
  ),
  'QL-34': must('Events written at once stay without gaps, and those of one call stay together.', events),
  'QL-35': must('The server writes queued, claimed, artifact uploaded and completed into the log itself.', events),
  'QL-36': must(
    'The event stream carries sequence numbers as ids, resumes after Last-Event-ID and ends with the job.',
    events,
  ),
  'QL-37': must('An upload by form answers 201 with size, digest, content type and storagePath.', artifacts),
  'QL-38': must('A raw PUT stores the same way.', artifacts),
  'QL-39': must('The list is newest first, keeps every version, and can be narrowed by name.', artifacts),
  'QL-40': must('A download has exactly the bytes, with safe delivery headers, an ETag, ranges and 304.', artifacts),
  'QL-41': must(
    'A digest that differs is 422 digest_mismatch, one of another form 422 invalid_digest; nothing is kept.',
    artifacts,
  ),
  'QL-42': must('A name that could lead outside is 422 invalid_artifact_name.', artifacts),
  'QL-43': must(
    'An unknown artifact is 404 artifact_not_found, one of another job 409 artifact_job_mismatch.',
    artifacts,
  ),
  'QL-44': must(
    'An upload repeated under its Idempotency-Key is 200 with the first artifact; other bytes are 409 idempotency_conflict.',
    artifacts,
  ),
  'QL-45': must('complete-batch answers each of its items by itself.', jobs),
  'QL-46': must('`why` names the capability for which a job waits.', jobs),
  'QL-47': must(
    'Job payloads, summaries, event messages and event payloads over their sizes are 422.',
    'queue contract, Claim, Sizes',
  ),
  'QL-48': must('A form without a file or a name is 422.', artifacts),
  'QL-49': must('`GET workers` shows who asked for work lately, and what it holds.', jobs),
  'QL-50': operational(
    'Worker tokens are stored as a sha256 and compared in constant time.',
    who,
    'storage is inside the server',
  ),
  'QL-51': operational(
    'Memory stays flat whatever the size of an upload.',
    artifacts,
    "memory shows only from inside; a server's own tests measure it",
  ),
});
