import { chmod, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { RealServer } from './testing/real-server.ts';
import { runEntry } from './testing/run-entry.ts';

async function setUp() {
  const server = await RealServer.start();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const config = await mkdtemp(path.join(tmpdir(), 'proofhouse-profiles-'));
  onTestFinished(() => rm(config, { recursive: true, force: true }));
  const file = path.join(config, 'proofhouse', 'config.json');
  const admin = (...args: string[]) =>
    runEntry(args, {
      env: { PROOFHOUSE_URL: server.url, PROOFHOUSE_TOKEN: server.adminToken, XDG_CONFIG_HOME: config },
    });
  /** Runs a command without a URL and a token in its environment. */
  const run = (args: string[], { input, env }: { input?: string; env?: Record<string, string> } = {}) =>
    runEntry(args, { env: { XDG_CONFIG_HOME: config, ...env }, ...(input === undefined ? {} : { input }) });
  const makeUser = async (name: string, role: string) => {
    const made = JSON.parse((await admin('user', 'create', name, '--role', role, '--json')).stdout);
    const created = JSON.parse((await admin('user', 'token', 'create', made.user.id as string, '--json')).stdout);
    return { id: made.user.id as string, token: created.token as string };
  };
  return { server, file, admin, run, makeUser };
}

test('an admin makes a user, who signs in with a token from standard input and calls without naming it again', async () => {
  const { server, file, admin, run, makeUser } = await setUp();
  const { id, token } = await makeUser('Ada', 'operator');
  const signedIn = await run(['login', '--url', server.url, '--token-stdin'], { input: `${token}\n` });
  expect([signedIn.code, signedIn.stderr]).toEqual([0, '']);
  expect(signedIn.stdout).toContain(`Signed in to ${server.url} as ${id}  Ada  operator`);
  expect(signedIn.stdout).not.toContain(token);
  expect([(await stat(file)).mode & 0o777, (await stat(path.dirname(file))).mode & 0o777]).toEqual([0o600, 0o700]);
  expect((await run(['whoami'])).stdout).toBe(`${id}  Ada  operator\n`);
  expect((await run(['job', 'create', '--type', 'exec'])).code).toBe(0);
  expect((await run(['user', 'list'])).code).toBe(3);
  expect((await admin('whoami')).stdout).toBe("admin  This is the admin's token.\n");

  const made = await run(['user', 'token', 'create', '--description', 'laptop', '--expires-at', '+36h', '--json']);
  const { userToken } = JSON.parse(made.stdout) as { userToken: { id: string } };
  expect((await run(['user', 'token', 'list'])).stdout).toMatch(new RegExp(`${userToken.id} +ends in 1d .*laptop`));
  expect((await run(['user', 'token', 'revoke', userToken.id])).code).toBe(0);
  expect((await run(['user', 'token', 'list'])).stdout).toMatch(new RegExp(`${userToken.id} +revoked `));

  expect((await admin('user', 'disable', id)).stdout).toBe(
    `User ${id} is disabled: its tokens and sessions have ended.\n`,
  );
  expect((await admin('user', 'list')).stdout).toMatch(new RegExp(`${id} +operator +disabled .*Ada`));
  const refused = await run(['whoami']);
  expect([refused.code, refused.stderr]).toEqual([3, expect.stringContaining('Called as the user of a token')]);
  expect((await admin('user', 'enable', id)).code).toBe(0);
  expect((await run(['whoami'])).code).toBe(3);
  expect((await admin('user', 'token', 'create')).code).toBe(2);
});

test('profiles are used in the order option, environment, profile, and a token only at its own server', async () => {
  const { server, file, run, makeUser } = await setUp();
  const [ada, eve] = [await makeUser('Ada', 'operator'), await makeUser('Eve', 'read-only')];
  for (const [name, { token }] of [
    ['ada', ada],
    ['eve', eve],
  ] as const) {
    const args = ['login', '--url', `${server.url}/`, '--token-stdin', '--profile', name];
    expect((await run(args, { input: token })).code).toBe(0);
  }
  const who = async (args: string[] = [], env: Record<string, string> = {}) =>
    (await run(['whoami', ...args], { env })).stdout.split('  ')[1];
  expect(await who()).toBe('Eve');
  expect((await run(['profile', 'use', 'ada'])).code).toBe(0);
  expect(await who()).toBe('Ada');
  expect((await run(['profile', 'list'])).stdout).toMatch(/^ada .* yes\neve [^\n]*\n$/m);
  expect(await who(['--profile', 'eve'])).toBe('Eve');
  expect(await who([], { PROOFHOUSE_PROFILE: 'eve' })).toBe('Eve');
  expect(await who([], { PROOFHOUSE_TOKEN: eve.token })).toBe('Eve');
  expect(await who(['--token', ada.token], { PROOFHOUSE_TOKEN: eve.token })).toBe('Ada');
  expect(await who(['--url', server.url])).toBe('Ada');

  const elsewhere = await run(['whoami', '--url', server.url.replace('127.0.0.1', 'localhost')]);
  expect([elsewhere.code, elsewhere.stderr]).toEqual([3, expect.stringContaining('No token given')]);
  const inJob = await run(['whoami', '--url', server.url], { env: { PROOFHOUSE_JOB_ID: 'j' } });
  expect([inJob.code, inJob.stderr]).toEqual([3, expect.stringContaining('No token given')]);
  expect((await run(['whoami', '--profile', 'nobody'])).code).toBe(4);

  await chmod(file, 0o640);
  const shared = await run(['whoami']);
  expect([shared.code, shared.stderr]).toEqual([3, expect.stringContaining('chmod 600')]);
  await chmod(file, 0o600);
  expect((await run(['logout'])).stdout).toBe('Profile ada is removed. Its token stays valid.\n');
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({
    profiles: { eve: { url: `${server.url}/`, token: eve.token } },
  });
  expect((await run(['whoami', '--url', server.url])).stderr).toContain('No token given: run `proofhouse login`');
});

test('a token that the server refuses, or that is none, is not kept', async () => {
  const { server, file, run } = await setUp();
  const login = ['login', '--url', server.url, '--token-stdin'];
  for (const [input, code] of [
    ['phu_unknown', 3],
    ['', 2],
    ['two words', 2],
    ['x'.repeat(5000), 2],
  ] as const) {
    const { code: ended, stderr } = await run(login, { input });
    expect([ended, stderr.includes('phu_unknown')]).toEqual([code, false]);
  }
  expect((await run(['login', '--url', server.url], { input: 'phu_x' })).code).toBe(2);
  await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' });
});
