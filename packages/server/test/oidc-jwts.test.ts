// Tests callers with signed tokens of an OpenID Connect provider. The provider is `oidc-provider` on a loopback port.
import { SignJWT } from 'jose';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ManualClock } from '@proofhouse/server';
import { audience, OidcIssuer, signingKey, type OidcClient, type SigningKey } from './support/oidc-issuer.ts';
import { makeUser } from './support/test-user.ts';
import { startTestServer, type TestServer } from './support/test-server.ts';

const alice: OidcClient = {
  id: 'alice',
  claims: { roles: ['staff', 'engineers'], name: 'Alice', email: 'a@example.org' },
};
const visitor: OidcClient = { id: 'visitor', claims: { roles: ['visitors'] } };
const clients = [alice, visitor];

let issuer: OidcIssuer;
let otherKey: SigningKey;
let t: TestServer;

beforeAll(async () => {
  // The provider warns that it keeps its data in memory.
  vi.spyOn(console, 'warn').mockReturnValue();
  vi.spyOn(console, 'info').mockReturnValue();
  otherKey = await signingKey('other');
});

beforeEach(async () => {
  issuer = await OidcIssuer.start(clients);
  t = await serverOf(issuer);
});

afterEach(async () => {
  await t.close();
  await issuer.close();
});

function serverOf({ url }: OidcIssuer): Promise<TestServer> {
  // The provider uses the time of the machine, so the clock of the server starts there.
  return startTestServer({
    clock: new ManualClock(Date.now()),
    settings: {
      oidcIssuer: url,
      oidcAudience: audience,
      oidcRoleMap: new Map([
        ['owners', 'admin'],
        ['engineers', 'operator'],
        ['staff', 'read-only'],
      ]),
    },
  });
}

const now = () => t.clock.now();
const signed = (claims: Record<string, unknown> = {}, options: Partial<Parameters<OidcIssuer['sign']>[1]> = {}) =>
  issuer.sign({ roles: ['staff'], ...claims }, { now: now(), ...options });
const keyRequests = () => issuer.requests.filter((path) => path.startsWith('/jwks')).length;

describe('a token of the provider', () => {
  it('authenticates its subject, who becomes a user at the first call', async () => {
    const token = await issuer.tokenFor(alice);
    const answers = [await t.get('/api/whoami', token), await t.get('/api/whoami', token)];
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    const { users } = (await t.get('/api/users')).json;
    expect(users).toHaveLength(1);
    expect(users[0]).toMatchObject({ name: 'Alice', email: 'a@example.org', role: 'read-only' });
    expect(answers[0]?.json).toMatchObject({ kind: 'user', id: users[0].id, role: 'operator' });
  });

  it('gives the role of its own claims at every call, and never changes the stored role', async () => {
    const create = (token: string) => t.post('/api/queue/jobs', { type: 'exec' }, token);
    expect((await create(await signed({ roles: 'staff' }))).status).toBe(403);
    expect((await create(await signed({ roles: ['engineers'] }))).status).toBe(201);
    expect((await t.get('/api/users', await signed({ roles: ['staff', 'owners'] }))).status).toBe(200);
    expect((await create(await signed({ roles: ['staff'] }))).status).toBe(403);
    expect((await t.get('/api/users')).json.users).toMatchObject([{ role: 'read-only' }]);
  });

  it('is refused with 403 if it gives no role, and then makes no user', async () => {
    expect((await t.get('/api/whoami', await issuer.tokenFor(visitor))).status).toBe(403);
    for (const roles of [undefined, null, 7, [], ['Staff', 'staff engineers'], { staff: true }, '__proto__']) {
      expect((await t.get('/api/whoami', await signed({ roles }))).status).toBe(403);
    }
    expect((await t.get('/api/users')).json.users).toEqual([]);
  });

  it('is refused while its user is disabled, and authenticates again afterwards', async () => {
    const token = await issuer.tokenFor(alice);
    const { id } = (await t.get('/api/whoami', token)).json as { id: string };
    const disable = (disabled: boolean) => t.call('PUT', `/api/users/${id}`, { json: { disabled } });
    await disable(true);
    expect((await t.get('/api/whoami', token)).status).toBe(401);
    await disable(false);
    expect((await t.get('/api/whoami', token)).status).toBe(200);
  });

  it('cannot name another user in Proofhouse-Actor', async () => {
    const user = await makeUser(t, 'read-only');
    const answer = await t.get('/api/whoami', await signed({ roles: 'owners' }), { 'proofhouse-actor': user.id });
    expect(answer.status).toBe(403);
  });

  it('makes one user when its first calls arrive at the same time', async () => {
    const token = await issuer.tokenFor(alice);
    const answers = await Promise.all(Array.from({ length: 8 }, () => t.get('/api/whoami', token)));
    expect(new Set(answers.map(({ json }) => json.id as string)).size).toBe(1);
    expect((await t.get('/api/users')).json.users).toHaveLength(1);
    expect(keyRequests()).toBe(1);
  });

  it('stores no name that is not fit to be shown', async () => {
    await t.get('/api/whoami', await signed({ sub: 'plain', name: 'a\u202eb', email: 'no address' }));
    expect((await t.get('/api/users')).json.users).toMatchObject([{ name: 'plain', email: null }]);
  });

  it('is accepted within 30 seconds of its end, and not later', async () => {
    const token = await signed({ exp: Math.floor(now() / 1000) + 60 });
    t.clock.advance(80_000);
    expect((await t.get('/api/whoami', token)).status).toBe(200);
    t.clock.advance(20_000);
    expect((await t.get('/api/whoami', token)).status).toBe(401);
  });

  it('is not written to the log', async () => {
    const token = await signed();
    await t.get('/api/whoami', token);
    await t.get('/api/whoami', `${token}x`);
    expect(t.logLines.join('')).not.toContain(token.slice(token.lastIndexOf('.')));
  });
});

describe('a hostile token', () => {
  const inSeconds = (seconds: number) => Math.floor(now() / 1000) + seconds;
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = () => ({ iss: issuer.url, aud: audience, sub: 'x', exp: inSeconds(600), roles: ['owners'] });
  const tampered = async () => {
    const [header = '', , signature = ''] = (await signed()).split('.');
    return `${header}.${encode(claims())}.${signature}`;
  };
  const hostile: [string, () => Promise<string> | string][] = [
    ['that has expired', () => signed({ exp: inSeconds(-60) })],
    ['without an expiry', () => signed({ exp: undefined })],
    ['that is not valid yet', () => signed({ nbf: inSeconds(90) })],
    ['for another audience', () => signed({ aud: 'https://other.test' })],
    ['without an audience', () => signed({ aud: undefined })],
    ['of another issuer', () => signed({ iss: 'https://other.test' })],
    ['without a subject', () => signed({ sub: undefined })],
    ['with an empty subject', () => signed({ sub: '' })],
    ['with a subject that is no text', () => signed({ sub: 7 })],
    ['with an expiry that is no number', () => signed({ exp: 'never' })],
    ['of the type of a logout token', () => signed({}, { header: { typ: 'logout+jwt' } })],
    ['that is bound to a key of its holder', () => signed({ cnf: { jkt: 'x' } })],
    ['signed with an unknown key', () => signed({}, { key: otherKey })],
    ['signed with another key under a known id', () => signed({}, { key: { ...otherKey, kid: issuer.key.kid } })],
    ['without a signature', () => `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims())}.`],
    ['with the algorithm none and a signature', () => `${encode({ alg: 'none' })}.${encode(claims())}.eA`],
    ['with changed claims', tampered],
    [
      'with a critical header that nobody knows',
      async () => {
        const [, body = '', signature = ''] = (await signed()).split('.');
        return `${encode({ alg: 'RS256', kid: issuer.key.kid, crit: ['exotic'], exotic: true })}.${body}.${signature}`;
      },
    ],
    ['that is huge', () => signed({ padding: 'x'.repeat(9000) })],
    ['whose parts are no JSON', () => 'eyJx.eyJx.eyJx'],
    [
      'signed with the public key as a shared secret',
      () => {
        const secret = new TextEncoder().encode(JSON.stringify(issuer.key.publicJwk));
        return new SignJWT(claims()).setProtectedHeader({ alg: 'HS256', kid: issuer.key.kid }).sign(secret);
      },
    ],
  ];

  it.each(hostile)('%s is refused with 401', async (_, make) => {
    const answer = await t.get('/api/whoami', await make());
    expect([answer.status, answer.json.code]).toEqual([401, 'unauthenticated']);
    expect((await t.get('/api/users')).json.users).toEqual([]);
  });

  it('that names its own keys causes no request to them', async () => {
    const url = `${issuer.url}/keys-of-the-attacker`;
    const header = { jku: url, x5u: url, jwk: otherKey.publicJwk } as never;
    expect((await t.get('/api/whoami', await signed({}, { key: otherKey, header }))).status).toBe(401);
    expect(issuer.requests).not.toContain('/keys-of-the-attacker');
  });

  it('with an unknown key loads the keys again at most once in 15 seconds', async () => {
    await t.get('/api/whoami', await signed());
    const flood = async () => {
      const tokens = Array.from({ length: 20 }, (_, index) =>
        signed({}, { header: { kid: `unknown-${String(index)}` } }),
      );
      const answers = await Promise.all((await Promise.all(tokens)).map((token) => t.get('/api/whoami', token)));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
    };
    await flood();
    expect(keyRequests()).toBe(1);
    t.clock.advance(15_000);
    await flood();
    await flood();
    expect(keyRequests()).toBe(2);
  });
});

describe('the keys of the provider', () => {
  it('are loaded again when a token is signed with a new one', async () => {
    expect((await t.get('/api/whoami', await signed())).status).toBe(200);
    issuer.rotateTo(otherKey);
    t.clock.advance(15_000);
    expect((await t.get('/api/whoami', await signed({}, { key: otherKey }))).status).toBe(200);
    expect((await t.get('/api/whoami', await signed())).status).toBe(401);
  });

  it('are used for an hour while the provider cannot be reached', async () => {
    expect((await t.get('/api/whoami', await signed())).status).toBe(200);
    issuer.answerWith((_, response) => response.writeHead(502).end());
    t.clock.advance(59 * 60_000);
    expect((await t.get('/api/whoami', await signed())).status).toBe(200);
    t.clock.advance(60_000);
    expect((await t.get('/api/whoami', await signed())).status).toBe(503);
  });

  it.each<[string, Parameters<OidcIssuer['answerWith']>[0]]>([
    ['answers with an error', (_, response) => response.writeHead(500).end()],
    ['answers with a redirect', (_, response) => response.writeHead(302, { location: 'https://other.test' }).end()],
    ['answers with no JSON', (_, response) => response.end('<html>')],
    ['closes the connection', (_, response) => response.destroy()],
    [
      'answers for another issuer',
      (_, response) => response.end('{"issuer":"https://other.test","jwks_uri":"https://other.test"}'),
    ],
    ['answers without end', (_, response) => response.end('"'.padEnd(2 * 1024 * 1024))],
  ])('are missing if it %s: 503 for its tokens, and other credentials are accepted', async (_, answer) => {
    issuer.answerWith(answer);
    const token = await signed();
    const refused = await t.get('/api/whoami', token);
    expect([refused.status, refused.json.code]).toEqual([503, 'unavailable']);
    expect((await t.get('/api/whoami', token)).status).toBe(503);
    expect(issuer.requests).toHaveLength(1);
    expect((await t.get('/api/whoami')).status).toBe(200);
    issuer.rotateTo(issuer.key);
    t.clock.advance(15_000);
    expect((await t.get('/api/whoami', token)).status).toBe(200);
  });
});

describe('a token that is no JWT, or a server without a provider', () => {
  it('authenticates tokens as before', async () => {
    const user = await makeUser(t, 'operator');
    const worker = await t.worker();
    expect((await t.get('/api/whoami', user.token)).status).toBe(200);
    expect((await t.get('/api/whoami', worker)).status).toBe(200);
    expect((await t.get('/api/whoami', 'no-token')).status).toBe(401);
    expect(issuer.requests).toEqual([]);
  });

  it('refuses every JWT with 401 if no provider is configured', async () => {
    const plain = await startTestServer();
    expect((await plain.get('/api/whoami', await signed())).status).toBe(401);
    await plain.close();
  });
});
