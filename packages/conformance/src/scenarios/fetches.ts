import type { Answer } from '../expectations/answer.ts';
import {
  expectBytes,
  expectEqual,
  expectHeader,
  expectStatus,
  expectThat,
  NotTried,
} from '../expectations/expectations.ts';
import { deposit, depositedUri, fetchUri, registerWorker, unknownId } from '../experiment-parts.ts';
import { expectProblem } from '../expectations/problem-expectations.ts';
import { scenariosOf } from '../scenario.ts';
import { experimentHeader, otherExperiment } from '../server-under-test.ts';

export const fetchScenarios = scenariosOf('artifact transfer', [
  {
    name: 'a fetch gives exactly the bytes, from one to many',
    requirements: ['AT-22', 'AT-10'],
    limitMs: 60_000,
    run: async (server) => {
      // These bytes contain most of the boundary of their form, and lines that look like a closing boundary.
      const text = Buffer.from('\r\n--conformance-boundary-7d1f0\r\n\u0000--\r\n\r\n--\r\n');
      for (const bytes of [
        Buffer.from('x'),
        text,
        server.bytesWithinCap(65_537),
        server.bytesWithinCap(8 * 1024 * 1024),
      ]) {
        const made = await deposit(server, bytes);
        // The server may have a smaller size limit. If it accepts the bytes, it must return every byte.
        if (made.status === 413 && bytes.length > text.length) continue;
        expectStatus(made, 201);
        const got = await fetchUri(server, made.member('artifacts_uri'));
        expectStatus(got, 200);
        expectBytes(got, bytes);
        const length = got.headers.get('content-length');
        if (length !== null) expectEqual(got.request, 'header content-length', length, String(bytes.length));
      }
    },
  },
  {
    name: 'a fetch is delivered safely and as it was recorded',
    requirements: ['AT-23', 'AT-24', 'AT-25', 'AT-26'],
    run: async (server) => {
      for (const contentType of ['text/html', 'text/plain; charset=iso-8859-1', 'application/json', 'image/svg+xml']) {
        const got = await fetchUri(server, await depositedUri(server, '<script>', { contentType }));
        expectStatus(got, 200);
        expectEqual(got.request, 'header content-type', got.header('content-type'), contentType);
        expectHeader(got, 'content-disposition', /^attachment(;|$)/i);
        expectHeader(got, 'x-content-type-options', 'nosniff');
        expectHeader(got, 'cache-control', /(^|,)\s*private\s*(,|$)/i);
      }
    },
  },
  {
    name: 'a hostile filename leads nowhere and adds no header',
    requirements: ['AT-24'],
    run: async (server) => {
      const names = [
        '../../etc/passwd',
        '..\\\\windows',
        '%0d%0aX-Injected: 1',
        'a; filename=b',
        '日本語.html',
        'x'.repeat(2000),
      ];
      for (const filename of names) {
        const got = await fetchUri(server, await depositedUri(server, 'x', { filename }));
        expectStatus(got, 200);
        const disposition = got.header('content-disposition');
        const { request } = got;
        expectThat(/^attachment/i.test(disposition) && !/[/\\]\.\.|\.\.[/\\]/.test(disposition), {
          request,
          what: 'header content-disposition',
          expected: 'an attachment without a path',
          seen: disposition,
        });
        expectEqual(request, 'header X-Injected', got.headers.get('x-injected'), null);
      }
    },
  },
  {
    name: 'a fetch without a URI is 400, with two as well, with an unknown one 404',
    requirements: ['AT-27', 'AT-28', 'AT-29'],
    run: async (server) => {
      const uri = await depositedUri(server, 'bytes');
      const twice = `/artifacts?uri=${encodeURIComponent(uri)}&uri=${encodeURIComponent(uri)}`;
      expectProblem(await server.v0('GET', '/artifacts'), 'bad-request');
      expectProblem(await server.v0('GET', '/artifacts?url=x'), 'bad-request');
      expectProblem(await server.v0('GET', twice), 'bad-request');
      expectProblem(await server.v0('GET', '/artifacts?uri='), 'not-found');
      const unknown = [
        `${uri}x`,
        `${uri}/x`,
        uri.slice(0, -1),
        `${uri}%00`,
        ` ${uri}`,
        'eden://artifacts/0123456789abcdef',
        'proofhouse://artifacts/0123456789abcdef',
        'file:///etc/passwd',
        'file://artifacts/../../etc/passwd',
        'https://example.org/artifact',
        'S3://bucket/key',
        'urn:uuid:00000000-0000-0000-0000-000000000000',
        'no uri at all',
        '\u0000',
        "' or 1=1 --",
      ];
      for (const each of unknown) expectProblem(await fetchUri(server, each), 'not-found');
    },
  },
  {
    name: 'a fetch that is wrong in many ways is refused for the first of them',
    requirements: ['AT-35', 'AT-31'],
    run: async (server) => {
      const [depositor, other] = [await registerWorker(server), await registerWorker(server)];
      const uri = await depositedUri(server, 'bytes', { as: depositor });
      const mine = `/artifacts?uri=${encodeURIComponent(uri)}`;
      const headers = { [experimentHeader]: unknownId.experiment };
      for (const tail of ['/artifacts', mine]) {
        expectProblem(await server.v0('GET', tail, { as: null, headers }), 'unauthorized');
        expectProblem(await server.v0('GET', tail, { as: other, headers }), 'experiment-id-mismatch');
      }
      expectProblem(await server.v0('GET', '/artifacts', { as: other }), 'bad-request');
      expectProblem(await fetchUri(server, `${uri}x`, { as: other }), 'not-found');
      expectProblem(await fetchUri(server, uri, { as: other }), 'forbidden');
      expectStatus(await fetchUri(server, uri, { as: depositor }), 200);
    },
  },
  {
    name: 'an artifact of one experiment is unknown in another',
    requirements: ['AT-30'],
    run: async (server) => {
      const other = await otherExperiment(server);
      const uri = await depositedUri(server, 'bytes');
      const headers = { authorization: `Bearer admin:${server.target.adminToken}`, [experimentHeader]: other };
      const path = `/v0/experiments/${other}/artifacts?uri=${encodeURIComponent(uri)}`;
      expectProblem(await server.call('GET', path, { headers }), 'not-found');
      expectStatus(await fetchUri(server, uri), 200);
    },
  },
  {
    name: 'HEAD says what GET would, without the bytes',
    requirements: ['AT-36'],
    run: async (server) => {
      const uri = await depositedUri(server, 'bytes', { contentType: 'text/x-note' });
      const head = await fetchUri(server, uri, { method: 'HEAD' });
      if ([404, 405, 501].includes(head.status)) throw new NotTried('the server does not answer HEAD');
      expectStatus(head, 200);
      const get = await fetchUri(server, uri);
      for (const name of ['content-type', 'content-length', 'content-disposition', 'x-content-type-options', 'etag'])
        expectEqual(head.request, `header ${name}`, head.headers.get(name), get.headers.get(name));
      const other = await registerWorker(server);
      expectStatus(await fetchUri(server, uri, { method: 'HEAD', as: other }), 403);
      expectStatus(await fetchUri(server, `${uri}x`, { method: 'HEAD' }), 404);
    },
  },
  {
    name: 'a byte range gives these bytes, and one outside is 416',
    requirements: ['AT-37'],
    run: async (server) => {
      const bytes = server.bytes(1000);
      const uri = await depositedUri(server, bytes);
      const part = (range: string): Promise<Answer> => fetchUri(server, uri, { headers: { range } });
      const first = await part('bytes=0-99');
      if (first.status === 200) throw new NotTried('the server does not look at Range, as RFC 9110 lets it');
      const ranges: readonly [range: string, from: number, to: number][] = [
        ['bytes=0-99', 0, 99],
        ['bytes=990-', 990, 999],
        ['bytes=-5', 995, 999],
        ['bytes=900-5000', 900, 999],
        ['bytes=0-0', 0, 0],
      ];
      for (const [range, from, to] of ranges) {
        const answer = await part(range);
        expectStatus(answer, 206);
        expectEqual(answer.request, 'header content-range', answer.header('content-range'), `bytes ${from}-${to}/1000`);
        expectBytes(answer, bytes.subarray(from, to + 1));
      }
      for (const range of ['bytes=1000-', 'bytes=-0']) {
        const outside = await part(range);
        expectStatus(outside, 416);
        expectHeader(outside, 'content-range', 'bytes */1000');
        expectHeader(outside, 'content-type', /^application\/problem\+json/i);
      }
      expectBytes(await part('lines=1-2'), bytes);
    },
  },
  {
    name: 'a strong ETag spares the bytes to who has them',
    requirements: ['AT-38'],
    run: async (server) => {
      const made = await deposit(server, 'bytes');
      expectStatus(made, 201);
      const uri = made.member('artifacts_uri');
      const etag = (await fetchUri(server, uri)).header('etag');
      if (etag === '') throw new NotTried('the server gives no ETag');
      expectThat(/^"[^"]*"$/.test(etag), {
        request: made.request,
        what: 'header etag',
        expected: 'a strong tag',
        seen: etag,
      });
      for (const given of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
        const unchanged = await fetchUri(server, uri, { headers: { 'if-none-match': given } });
        expectStatus(unchanged, 304);
        expectEqual(unchanged.request, 'the body', unchanged.text, '');
      }
      expectStatus(await fetchUri(server, uri, { headers: { 'if-none-match': '"other"' } }), 200);
      const other = await registerWorker(server);
      expectStatus(await fetchUri(server, uri, { as: other, headers: { 'if-none-match': etag } }), 403);
    },
  },
]);
