import { latitude, must, requirementsOf } from '../requirement.ts';

const source = 'deposit contract, Workers and groups';
const frame = 'deposit contract, Frame';

export const workerRegistrationRequirements = requirementsOf('worker registration', {
  'WR-01': must(
    '`POST workers` answers the admin 200 with worker_id, experiment_id, registered_at and registration_token.',
    source,
  ),
  'WR-02': must(
    'worker_id is `wkr_` and 26 lower-case Crockford base32 characters; experiment_id is that of the path.',
    frame,
  ),
  'WR-03': must(
    'Every registration mints a fresh id and a fresh token, also under an equal name and at the same moment.',
    source,
  ),
  'WR-04': must('name and labels are kept as given, and left out when they were not.', source),
  'WR-05': must('The registration token has room for 256 random bits and no colon.', frame),
  'WR-06': must('No read ever shows a token or a hash of one.', source),
  'WR-07': must('`GET workers` lists workers to either class; `?name=` narrows to that name.', source),
  'WR-08': must('`GET workers/{W}` reads one worker for either class; an unknown one is 404 not-found.', source),
  'WR-09': must('A worker may neither register workers nor reissue credentials: 403.', source),
  'WR-10': must('Reissuing gives a new token; the old one is refused from then on.', source),
  'WR-11': must('The answer of reissuing is exactly worker_id and registration_token.', source),
  'WR-12': must('Reissuing for an unknown worker is 404 not-found.', source),
  'WR-13': must('The names admin, system and internal are 409 reserved-identifier.', source),
  'WR-14': must(
    'A name that is empty, longer than 128 characters, or holds control, surrogate, unassigned or private-use code points or noncharacters is 422 invalid-name.',
    source,
  ),
  'WR-16': must('registered_at is an RFC 3339 time.', 'common contract, Ids, times, lists'),
  'WR-17': latitude('The order of a list of workers.', source),
  'WR-18': must('A name with white space at either end is 422 invalid-name; it is not trimmed.', source),
  'WR-19': must('Names are kept in NFC.', source),
  'WR-20': must('`GET workers` answers every worker of the experiment, unless a `limit` is asked for.', source),
  'WR-21': must(
    "Credentials are the admin token's alone: members of the group admins neither register workers nor reissue: 403.",
    source,
  ),
  'WR-22': must('registered_by is the principal that registered the worker.', source),
});
