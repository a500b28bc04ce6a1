import { latitude, must, operational, optional, requirementsOf } from '../requirement.ts';

const deposit = 'deposit contract, Deposit';
const fetching = 'deposit contract, Fetch';
const frame = 'deposit contract, Frame';

export const artifactTransferRequirements = requirementsOf('artifact transfer', {
  'AT-01': must(
    'A deposit answers 201 with exactly artifacts_uri, size_bytes and content_type.',
    `${deposit}; seed 002: "deposit 201 + opaque uri + size/content_type"`,
  ),
  'AT-02': must(
    'artifacts_uri is a non-empty RFC 3986 URI of any scheme, in any case.',
    'seed 002: "scheme-agnostic (non-empty RFC-3986 URI)", "case-insensitive on the scheme"',
  ),
  'AT-03': must('size_bytes is the number of deposited bytes; none at all is fine.', deposit),
  'AT-04': must('content_type is that of the part.', deposit),
  'AT-05': must(
    'A part without a content type, or with a blank one, is application/octet-stream; nothing is sniffed.',
    deposit,
  ),
  'AT-06': must('content_type is cut to printable ASCII and trimmed.', deposit),
  'AT-07': must('Workers and the admin may deposit.', deposit),
  'AT-08': must(
    'Every deposit mints a new URI, also for equal bytes; an earlier one keeps its bytes.',
    `${deposit}; seed 002: "fresh-id-per-deposit (no-overwrite projection)"`,
  ),
  'AT-09': must('The URI is not derived from the content or from any text of the client.', deposit),
  'AT-10': must(
    'Fetch takes the whole URI, percent-encoded, as `?uri=`; no client takes it apart.',
    'seed 002: "takes the FULL opaque artifacts_uri verbatim as the ?uri= query param"',
  ),
  'AT-11': must('The depositor is the principal of the credential; a form field cannot claim another.', deposit),
  'AT-12': must(
    'A missing part, and one with another name than `file`, is 400 bad-request.',
    `${deposit}; seed 002: "wrong key"`,
  ),
  'AT-13': must(
    'A second file, another part or a stray field is 400 bad-request.',
    `${deposit}; seed 002: "rejects multiple parts / stray fields"`,
  ),
  'AT-14': must('The part must be an upload: without a `filename` it is 400; an empty `filename` is fine.', deposit),
  'AT-15': must(
    'A malformed or truncated multipart body is 400 bad-request.',
    `${deposit}; seed 002: "malformed-multipart"`,
  ),
  'AT-16': must('A body that is no multipart form is 400 bad-request.', deposit),
  'AT-17': optional(
    'A deposit over the cap is 413 payload-too-large; one of exactly the cap is accepted.',
    'seed 002: "the deposit cap is operator-configured latitude" (IUT-optional)',
  ),
  'AT-18': optional(
    'The cap holds while reading, when Content-Length is absent, and does not wait for the rest of the body.',
    `${deposit}; seed 002: "Streamed size-cap enforced BEFORE buffering"`,
  ),
  'AT-19': must('A deposit is judged in this order: 401, header 400, cap 413, multipart 400.', frame),
  'AT-20': optional(
    'What credential and headers decide is answered before the body is sent.',
    'common contract, Refusing early',
  ),
  'AT-21': optional(
    'With an `Idempotency-Key` a repeated deposit gives the first URI; other bytes are 409 already-exists.',
    `${deposit}; common contract, Idempotency`,
  ),
  'AT-22': must('Fetch gives exactly the deposited bytes.', `${fetching}; seed 002: "content integrity"`),
  'AT-23': must(
    'Content-Type of a fetch is the recorded one verbatim; no charset is appended.',
    `${fetching}; seed 002: "returned verbatim (§16.2)"`,
  ),
  'AT-24': must(
    'A fetch carries `Content-Disposition: attachment`, safe whatever the client called the file.',
    `${fetching}; seed 002: "safe-delivery headers"`,
  ),
  'AT-25': must('A fetch carries `X-Content-Type-Options: nosniff`.', `${fetching}; seed 002: "safe-delivery headers"`),
  'AT-26': must('A fetch carries `Cache-Control: private`.', fetching),
  'AT-27': must('A fetch without `uri` is 400 bad-request.', `${fetching}; seed 002: "missing uri → 400"`),
  'AT-28': must(
    'A URI that this server did not issue, of whatever scheme, and an empty one, is 404 not-found.',
    `${fetching}; seed 002: "unrecognized → 404"`,
  ),
  'AT-29': must('A repeated `uri` is 400 bad-request.', 'deposit contract, Workers and groups'),
  'AT-30': must(
    'A URI whose artifact belongs to another experiment is 404 not-found.',
    'deposit contract, Workers and groups',
  ),
  'AT-31': must(
    'The depositor and the admin may fetch; another worker is 403 forbidden.',
    `${fetching}; seed 002: "per-row ACL"`,
  ),
  'AT-32': must('A member of admins may fetch, also through nested groups.', `${fetching}; seed 002: "admins-group"`),
  'AT-33': optional('A worker, or the members of a group, that were granted read may fetch.', fetching),
  'AT-34': optional('Only the depositor or the admin may grant read, and only for a URI of this server.', fetching),
  'AT-35': must('A fetch is judged in this order: 401, header 400, no uri 400, unknown 404, ACL 403, 200.', frame),
  'AT-36': optional(
    'HEAD answers as GET would, without the bytes.',
    `${fetching}: "Range and HEAD as for job artifacts"`,
  ),
  'AT-37': optional(
    'Single byte ranges are 206 with Content-Range; one outside the bytes is 416.',
    `${fetching}: "Range and HEAD as for job artifacts"`,
  ),
  'AT-38': optional(
    'A strong ETag is given, and If-None-Match with it is 304.',
    `${fetching}: "ETag as for job artifacts"`,
  ),
  'AT-39': must(
    'Deposits made at once each get a URI of their own with their own bytes.',
    `${deposit}; seed 002: "can't read/overwrite each other's submissions"`,
  ),
  'AT-40': optional(
    'A deposit writes no event into the log of any job.',
    `${deposit}; seed 002: "no event — the artifact store is distinct from the event log"`,
  ),
  'AT-41': optional(
    'A deposit appears in `GET /api/artifacts` of the same server with its experimentId and depositor.',
    'deposit contract, introduction',
  ),
  'AT-42': must(
    'The deposit answer matches the published JSON Schema.',
    'deposit contract, Conformance kit; seed 002: deposit-artifact-response.schema.json',
  ),
  'AT-43': optional(
    'The metadata of an artifact, where a server shows it, matches the published JSON Schema.',
    'deposit contract, Conformance kit; seed 002: artifact-metadata.schema.json',
  ),
  'AT-49': must(
    'Forms are read as they may be written: names of headers in any case, a boundary in quotes, no final line break.',
    'RFC 2046 section 5.1; RFC 7578',
  ),
  'AT-44': operational(
    'Bytes are durable before the answer; no URI survives a crash without them.',
    `${deposit}; seed 002: "fsync-before-metadata durability"`,
    'needs a crash; a server shows it with its own kill tests',
  ),
  'AT-45': operational(
    'Bytes that changed under the server are not served.',
    fetching,
    'needs a hand inside the storage',
  ),
  'AT-46': latitude('Scheme and form of the URI.', 'seed 002: "artifacts_uri is opaque + impl-defined"'),
  'AT-47': latitude(
    'The physical layout, and which backend holds the bytes.',
    'seed 002: "the physical layout becomes the server\'s private business"',
  ),
  'AT-48': latitude('The size of the cap.', 'seed 002: "the deposit cap is operator-configured latitude"'),
});
