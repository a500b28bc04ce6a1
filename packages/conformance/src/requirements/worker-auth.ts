import { must, operational, optional, requirementsOf } from '../requirement.ts';

const frame = 'deposit contract, Frame';

export const workerAuthRequirements = requirementsOf('worker auth', {
  'WA-01': must('A request without a credential is 401 unauthorized.', frame),
  'WA-02': must('A malformed credential (another scheme, no colon, no principal, no secret) is 401.', frame),
  'WA-03': must('A wrong secret, and a principal that does not exist, are 401.', frame),
  'WA-04': must('The scheme `Bearer` is taken in any case.', frame),
  'WA-05': must('The credential is split at its first colon; what follows is the secret, colons and all.', frame),
  'WA-06': must('401 is decided before routing: an unknown path without a credential is 401, not 404.', frame),
  'WA-07': must('401 is decided before `X-Eden-Experiment-Id` is looked at.', frame),
  'WA-08': must('An authenticated caller of the wrong class is 403 forbidden.', frame),
  'WA-09': must('The class is decided before the object is looked up: 403, not 404.', frame),
  'WA-10': must(
    '`GET whoami` tells a worker its worker_id, and its name when it has one.',
    'deposit contract, Workers and groups',
  ),
  'WA-11': must('`GET whoami` refuses the admin with 403.', 'deposit contract, Workers and groups'),
  'WA-12': must("A worker's credential is 401 on another experiment.", 'deposit contract, Workers and groups'),
  'WA-13': optional('A plain queue token of the same server is 401 on /v0.', 'deposit contract, Workers and groups'),
  'WA-14': optional(
    'A registration token is a valid bearer on the queue of the same server, as the same worker.',
    'deposit contract, Workers and groups',
  ),
  'WA-15': must(
    'The refusal of an unknown worker reads like that of a wrong secret.',
    `${frame}: unknown workers cost the same time as wrong tokens`,
  ),
  'WA-16': must('A refusal never repeats the credential.', `${frame}: tokens never reach a log`),
  'WA-17': optional('A 401 carries `WWW-Authenticate`.', 'RFC 9110 section 11.6.1'),
  'WA-18': operational(
    'Tokens are stored as a hash and never reach a log.',
    frame,
    'storage and logs are inside the server',
  ),
  'WA-19': operational(
    'Unknown workers cost the same time as wrong tokens.',
    frame,
    "a network hides such differences; a server's own tests measure them",
  ),
  'WA-20': must('The secret of one worker does not speak for another.', frame),
});
