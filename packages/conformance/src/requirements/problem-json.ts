import { latitude, must, operational, requirementsOf } from '../requirement.ts';

const frame = 'deposit contract, Frame';

export const problemJsonRequirements = requirementsOf('problem json', {
  'PJ-01': must('Every error under /v0 is `application/problem+json; charset=utf-8`.', frame),
  'PJ-02': must('A problem document has type, title, status, detail and instance, none of them empty.', frame),
  'PJ-03': must('`type` is one of the closed list under `eden://error/`, with the status of that list.', frame),
  'PJ-04': must('`status` is the HTTP status of the answer.', 'RFC 9457 section 3.1.2'),
  'PJ-05': must('`instance` is the absolute URL of the request.', frame),
  'PJ-06': must('An unknown route under /v0 is a problem document too: 404 not-found.', frame),
  'PJ-07': must('An unknown method on a known route is a problem document of the closed list.', frame),
  'PJ-08': must('A request without `X-Eden-Experiment-Id` is 400 experiment-id-mismatch.', frame),
  'PJ-09': must('A header that names another experiment than the path is 400 experiment-id-mismatch.', frame),
  'PJ-10': must('An experiment that does not exist is 400 experiment-id-mismatch.', frame),
  'PJ-11': must('An unknown key of a JSON body is 400 bad-request.', frame),
  'PJ-12': must(
    'A JSON body that cannot be parsed, is no object, is not called JSON, or has a field of a wrong type, is 400.',
    frame,
  ),
  'PJ-13': must('A request without a body may carry `Content-Type: application/json`; that is no error.', frame),
  'PJ-14': must('Successful JSON answers are `application/json; charset=utf-8`.', frame),
  'PJ-15': must('JSON members are snake_case.', frame),
  'PJ-16': must('Problem documents match the published JSON Schema.', 'deposit contract, Conformance kit'),
  'PJ-17': must(
    "Malformed multipart is a problem document, not a parser's own error page.",
    'seed 002: "Map malformed-multipart parser errors to problem+json BadRequest"',
  ),
  'PJ-18': latitude('The words of title and detail, and members beyond the five.', 'RFC 9457 section 3.2'),
  'PJ-19': latitude(
    'The origin in `instance`: a server behind a proxy names its public one.',
    'common contract, Browsers and proxies',
  ),
  'PJ-20': latitude('Whether a wrong class (403) or a wrong header (400) is said first when both hold.', frame),
  'PJ-21': operational(
    'A fault of the server is a problem document as well.',
    frame,
    'no request may make a sound server fail',
  ),
  'PJ-22': must(
    'Below an experiment the header is looked at before the route: an unknown path without it is 400, not 404.',
    `${frame}: 401, header 400, then the rest`,
  ),
});
