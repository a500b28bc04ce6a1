// Fuzzes the headers that contain the credential and the origin of a request. An accepted request must contain the
// matching secret.
import assert from 'node:assert/strict';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isAppError, type Principal } from '@proofhouse/core';
import { softwareOf } from '../../packages/server/src/calls/operation-call.ts';
import { authenticate, type AuthenticateParts } from '../../packages/server/src/http/authenticate.ts';
import { sha256Hex } from '../../packages/server/src/kernel/secret.ts';
import { authenticateV0 } from '../../packages/server/src/http/v0/authenticate-v0.ts';
import { requireSameOrigin } from '../../packages/server/src/http/same-origin.ts';
import { requireSingleHeaders } from '../../packages/server/src/http/bytes/single-headers.ts';
import { V0Door } from '../../packages/server/src/http/v0/v0-door.ts';
import { laterRefusalOr, refusalOr } from '../app-error-of.ts';

const secrets = { admin: 'adm-s', worker: 'wkr-s', session: 'ses-s', page: 'pag-s' };
const experimentId = 'exp_0';

/**
 * A fake of the authentication of workers, which accepts only the hash of `secrets.worker`. The other fakes in `parts`
 * accept only the other secrets.
 */
const workerOf = (hash: string, name?: string) =>
  Promise.resolve(
    hash === sha256Hex(secrets.worker) && (name === undefined || name === 'w')
      ? { principal: { kind: 'worker', workerId: 'w', policy: {} }, registeredIn: experimentId }
      : undefined,
  );

const parts = {
  required: true,
  adminToken: { matchesHash: (hash: string) => hash === sha256Hex(secrets.admin) },
  signIn: {
    principalOf: (session: string, pageSecret: string): Principal | undefined =>
      session === sha256Hex(secrets.session) && pageSecret === sha256Hex(secrets.page) ? { kind: 'admin' } : undefined,
  },
  workers: {
    authenticate: (secret: string, name?: string) => workerOf(sha256Hex(secret), name),
    authenticateHash: workerOf,
  },
  groups: { membershipOf: () => Promise.resolve({ groups: [], isAdmin: false }) },
} as unknown as AuthenticateParts;

const door = new V0Door({ basePath: '/base', baseUrl: () => 'http://127.0.0.1:8750/base' });

/** The first line of the input is the target of the request. Each other line is a header, `name: value`. */
export async function fuzz(data: Buffer): Promise<void> {
  const [target = '', ...lines] = data.toString('latin1').split('\n');
  const fields = lines.map((line) => [line.split(':', 1)[0] ?? '', line.slice(line.indexOf(':') + 1).trim()] as const);
  const headers = Object.fromEntries(fields.map(([name, value]) => [name.toLowerCase(), value]));
  checkTarget(target);
  softwareOf(headers['user-agent']);
  const rawHeaders = fields.flat();
  refusalOr(
    () => requireSingleHeaders({ headers, rawHeaders, httpVersion: '1.1' } as unknown as IncomingMessage),
    'bad_request',
  );
  checkOrigin(headers['host'], headers['origin']);
  await checkCredential(headers);
}

async function checkCredential(headers: IncomingHttpHeaders): Promise<void> {
  const local = await laterRefusalOr(() => authenticate(headers, parts, { membership: true }), 'unauthenticated');
  const wire = await laterRefusalOr(() => authenticateV0(headers, experimentId, parts), 'unauthenticated');
  for (const principal of [local, wire]) {
    if (isAppError(principal)) continue;
    const shown = Object.values(headers).join('\n');
    const known =
      principal.kind === 'admin'
        ? [secrets.admin, ...(principal === local && shown.includes(secrets.page) ? [secrets.session] : [])]
        : [secrets.worker];
    assert.ok(
      known.some((secret) => shown.includes(secret)),
      'somebody came in without a secret',
    );
  }
  if (!isAppError(wire)) assert.ok(headers.authorization?.includes(':') === true, 'a bare token counts on /v0');
}

function checkOrigin(host: string | undefined, origin: string | undefined): void {
  const refused = refusalOr(() => {
    requireSameOrigin({ boundHost: '127.0.0.1', publicUrl: undefined, allowedHosts: [] }, host, origin);
  }, 'forbidden');
  if (isAppError(refused)) return;
  const url = `http://${host ?? ''}`;
  if (!URL.canParse(url)) return;
  const { hostname } = new URL(url);
  assert.match(hostname, /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/, 'another host passes for this one');
}

function checkTarget(target: string): void {
  const url = door.urlOf(target);
  assert.ok(URL.canParse(url) && url.startsWith('http://127.0.0.1:8750/base'), 'an answer repeats what is no URL');
  assert.match(url, /^(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/, 'a URL has what no URL may have');
  assert.ok(url.length <= 2048);
  if (door.experimentOf(target) !== undefined) assert.ok(door.takes(target));
}

export const words = [
  'authorization:',
  'x-worker-token:',
  'x-moonmind-worker-token:',
  'cookie:',
  'proofhouse_session=',
  'Bearer ',
  'bEARER  ',
  'admin:',
  ...Object.values(secrets),
  'w:',
  'host:',
  'origin:',
  'localhost',
  '127.0.0.1',
  '[::1]',
  'http://',
  '/base/v0/experiments/exp_0',
  '%2f',
  '%',
];

export const seeds = [
  `/base/v0/experiments/${experimentId}/artifacts?uri=a\nhost: localhost:1\nauthorization: Bearer admin:${secrets.admin}`,
  `/base/v0/x\nhost: 127.0.0.1\norigin: http://127.0.0.1\nauthorization: bearer w:${secrets.worker}`,
  `http://h/base/v0?%zz\nx-worker-token: ${secrets.worker}\nuser-agent: curl/8 x`,
  `/\nhost: [::1]:80\ncookie: a=b; proofhouse_session=${secrets.session}`,
  `/é"<>\nauthorization: Bearer ${secrets.admin}\nauthorization: Bearer x`,
];
