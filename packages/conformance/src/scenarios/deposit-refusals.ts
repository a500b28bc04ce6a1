import type { Answer } from '../expectations/answer.ts';
import { expectBytes, expectMembers, expectStatus, NotKnown, NotTried } from '../expectations/expectations.ts';
import { deposit, fetchUri, unknownId } from '../experiment-parts.ts';
import { depositForm } from '../calls/multipart-body.ts';
import { expectProblem, type ProblemType } from '../expectations/problem-expectations.ts';
import { chunked } from '../calls/raw-call.ts';
import { scenariosOf } from '../scenario.ts';
import { experimentHeader, type ServerUnderTest } from '../server-under-test.ts';

/**
 * Largest size limit in bytes for which a test exceeds the limit. To exceed a larger limit, a scenario would have to
 * send too many bytes.
 */
const largestCap = 64 * 1024 * 1024;

const nobody = { authorization: 'Bearer admin:not-the-token-of-the-admin' };
const anotherExperiment = { [experimentHeader]: unknownId.experiment };

function capOf({ target: { maxArtifactBytes: cap } }: ServerUnderTest): number {
  if (cap === undefined) throw new NotKnown('it needs to know the cap: give --max-artifact-bytes');
  if (cap > largestCap) throw new NotKnown('the cap is too large to go over: try a server with one of 64 MiB at most');
  return cap;
}

/** Expects this problem as the answer to an incomplete request. Throws `NotTried` if the server did not answer. */
function expectEarly(answer: Answer | undefined, type: ProblemType): void {
  if (answer === undefined) throw new NotTried('the server waits for the whole body before it refuses');
  expectProblem(answer, type);
}

export const depositRefusalScenarios = scenariosOf('artifact transfer', [
  {
    name: 'a deposit that is wrong in many ways is refused for the first of them',
    requirements: ['AT-19'],
    run: async (server) => {
      const broken = { 'content-type': 'multipart/form-data; boundary=x' };
      const send = (as: 'admin' | typeof nobody, headers: Record<string, string>) =>
        server.v0('POST', '/artifacts', { as, body: 'no form', headers: { ...broken, ...headers } });
      expectProblem(await send(nobody, anotherExperiment), 'unauthorized');
      expectProblem(await send(nobody, {}), 'unauthorized');
      expectProblem(await send('admin', anotherExperiment), 'experiment-id-mismatch');
      expectProblem(await send('admin', {}), 'bad-request');
    },
  },
  {
    name: 'what credential and headers decide is answered while the body is still awaited',
    requirements: ['AT-20'],
    run: async (server) => {
      const { contentType } = depositForm('');
      const headers = { 'content-type': contentType, 'content-length': '1000000' };
      const waitMs = 3000;
      expectEarly(await server.rawV0('POST', '/artifacts', { as: nobody, headers, waitMs }), 'unauthorized');
      const foreign = { ...headers, ...anotherExperiment };
      expectEarly(await server.rawV0('POST', '/artifacts', { headers: foreign, waitMs }), 'experiment-id-mismatch');
      const expecting = { ...headers, expect: '100-continue' };
      expectEarly(await server.rawV0('POST', '/artifacts', { as: nobody, headers: expecting, waitMs }), 'unauthorized');
    },
  },
  {
    name: 'exactly the cap is accepted, one byte more is too large',
    requirements: ['AT-17', 'AT-22'],
    limitMs: 120_000,
    run: async (server) => {
      const bytes = server.bytes(capOf(server) + 1);
      const whole = bytes.subarray(0, -1);
      const accepted = await deposit(server, whole);
      expectStatus(accepted, 201);
      expectMembers(accepted, { size_bytes: whole.length });
      expectBytes(await fetchUri(server, accepted.member('artifacts_uri')), whole);
      // Uses its own connection. If a server stops reading the body, an HTTP client may lose the answer.
      const { contentType, body } = depositForm(bytes);
      const headers = { 'content-type': contentType, 'content-length': String(body.length) };
      const refused = await server.rawV0('POST', '/artifacts', { headers, body: [body] });
      if (refused === undefined) throw new Error('no answer came to a deposit over the cap');
      expectProblem(refused, 'payload-too-large');
    },
  },
  {
    name: 'the cap holds while reading: without a length, and without waiting for the rest',
    requirements: ['AT-18'],
    limitMs: 120_000,
    run: async (server) => {
      const cap = capOf(server);
      const { contentType, body } = depositForm(Buffer.alloc(cap + 1024 * 1024));
      const sent = body.subarray(0, body.length - 1024);
      const waitMs = 30_000;
      const unsaid = { 'content-type': contentType, 'transfer-encoding': 'chunked' };
      const pieces = chunked([sent]).slice(0, -2);
      const streamed = await server.rawV0('POST', '/artifacts', { headers: unsaid, body: pieces, waitMs });
      expectEarly(streamed, 'payload-too-large');
      const promised = { 'content-type': contentType, 'content-length': String(body.length * 100) };
      const withheld = await server.rawV0('POST', '/artifacts', { headers: promised, body: [sent], waitMs });
      expectEarly(withheld, 'payload-too-large');
    },
  },
  {
    name: 'a deposit over the cap is refused for its credential and its experiment first',
    requirements: ['AT-19', 'AT-17'],
    limitMs: 120_000,
    run: async (server) => {
      const cap = capOf(server);
      const headers = { 'content-type': depositForm('').contentType, 'content-length': String(cap * 100) };
      const waitMs = 10_000;
      expectEarly(await server.rawV0('POST', '/artifacts', { as: nobody, headers, waitMs }), 'unauthorized');
      const foreign = { ...headers, ...anotherExperiment };
      expectEarly(await server.rawV0('POST', '/artifacts', { headers: foreign, waitMs }), 'experiment-id-mismatch');
    },
  },
  {
    name: 'a deposit whose length was not said is taken',
    requirements: ['AT-01', 'AT-22'],
    run: async (server) => {
      const bytes = server.bytesWithinCap(70_000);
      const { contentType, body } = depositForm(bytes);
      const headers = { 'content-type': contentType, 'transfer-encoding': 'chunked' };
      const middle = Math.floor(body.length / 2);
      const pieces = chunked([body.subarray(0, 10), body.subarray(10, middle), body.subarray(middle)]);
      const answer = await server.rawV0('POST', '/artifacts', { headers, body: pieces });
      if (answer === undefined) throw new Error('no answer came to a chunked deposit');
      expectStatus(answer, 201);
      expectBytes(await fetchUri(server, answer.member('artifacts_uri')), bytes);
    },
  },
]);
