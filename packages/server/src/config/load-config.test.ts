import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig, type ConfigSources } from './load-config.ts';

const folder = mkdtempSync(join(tmpdir(), 'config-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const load = (env: ConfigSources['env'] = {}, flags: ConfigSources['flags'] = {}) => loadConfig({ env, flags });

function file(content: unknown): string {
  const path = join(folder, 'config.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

describe('a setting', () => {
  it('is taken from the flag, else the environment, else the file, else its default', () => {
    const PROOFHOUSE_CONFIG = file({ port: 1111 });
    const PROOFHOUSE_PORT = '2222';
    expect(load().port).toBe(8750);
    expect(load({ PROOFHOUSE_CONFIG }).port).toBe(1111);
    expect(load({ PROOFHOUSE_CONFIG, PROOFHOUSE_PORT }).port).toBe(2222);
    expect(load({ PROOFHOUSE_CONFIG, PROOFHOUSE_PORT }, { port: '3333' }).port).toBe(3333);
  });

  it('of two variables is taken from the one with our name, and an empty one counts as absent', () => {
    expect(load({ PORT: '1111' }).port).toBe(1111);
    expect(load({ PORT: '1111', PROOFHOUSE_PORT: '2222' }).port).toBe(2222);
    expect(load({ PORT: '1111', PROOFHOUSE_PORT: '' }).port).toBe(1111);
  });

  it.each([
    ['1024', 1024],
    ['1KiB', 1024],
    ['1KB', 1000],
    ['1.5 MiB', 1_572_864],
    ['2GiB', 2 * 1024 ** 3],
    ['7B', 7],
  ])('may say a size as %s', (text, bytes) => {
    expect(load({ PROOFHOUSE_MAX_ARTIFACT_BYTES: text }).jobArtifactMaxBytes).toBe(bytes);
  });

  it('of the largest artifact is 1 GiB unless it is said', () => {
    expect([load().maxArtifactBytes, load().jobArtifactMaxBytes]).toEqual([1024 ** 3, 1024 ** 3]);
    expect(load({}, { 'max-artifact-bytes': '5' }).maxArtifactBytes).toBe(5);
  });

  it('for job artifacts overrides the cap of all doors', () => {
    const config = load({ PROOFHOUSE_MAX_ARTIFACT_BYTES: '10', AGENT_JOB_ARTIFACT_MAX_BYTES: '20' });
    expect([config.maxArtifactBytes, config.jobArtifactMaxBytes]).toEqual([10, 20]);
  });

  it('of retention counts only when retention is on', () => {
    const PROOFHOUSE_RETENTION_DAYS = 'log=3';
    expect(load().retention).toEqual({ days: {} });
    expect(load({ PROOFHOUSE_RETENTION_DAYS }).retention).toEqual({ days: {} });
    expect(load({ PROOFHOUSE_RETENTION: 'on' }).retention.days).toEqual({ diff: 30, log: 7, 'test-result': 14 });
    expect(load({ PROOFHOUSE_RETENTION: 'on', PROOFHOUSE_RETENTION_DAYS }).retention).toEqual({ days: { log: 3 } });
  });

  it('of collection and quota is read in hours and sizes', () => {
    const usual = load();
    expect([usual.collectGraceMs, usual.collectEveryMs, usual.storageQuotaBytes]).toEqual([86_400_000, 0, undefined]);
    const given = load({
      PROOFHOUSE_COLLECT_GRACE_HOURS: '1',
      PROOFHOUSE_COLLECT_EVERY_HOURS: '6',
      PROOFHOUSE_STORAGE_QUOTA_BYTES: '10GiB',
      PROOFHOUSE_STORAGE_WARN_PERCENT: '90',
    });
    expect([given.collectGraceMs, given.collectEveryMs]).toEqual([3_600_000, 21_600_000]);
    expect([given.storageQuotaBytes, given.storageWarnPercent]).toEqual([10 * 1024 ** 3, 90]);
  });

  it('of the OpenID Connect provider gives a role to each value of a claim', () => {
    expect(load().oidc).toBeUndefined();
    const env = {
      PROOFHOUSE_OIDC_ISSUER: 'https://id.example/realms/x/',
      PROOFHOUSE_OIDC_AUDIENCE: 'proofhouse',
      PROOFHOUSE_OIDC_ROLE_MAP: 'cn=owners=admin, staff=read-only',
    };
    expect(load(env).oidc).toEqual({
      issuer: 'https://id.example/realms/x/',
      audience: 'proofhouse',
      roleClaim: 'roles',
      roleMap: new Map([
        ['cn=owners', 'admin'],
        ['staff', 'read-only'],
      ]),
    });
    expect(load({ ...env, PROOFHOUSE_OIDC_ROLE_CLAIM: 'realm_access.roles' }).oidc?.roleClaim).toBe(
      'realm_access.roles',
    );
    expect(load({ ...env, PROOFHOUSE_OIDC_ISSUER: 'http://[::1]:9000' }).oidc?.issuer).toBe('http://[::1]:9000');
  });

  it('cannot be changed afterwards', () => {
    expect(Object.isFrozen(load())).toBe(true);
  });
});

describe('a wrong setting is refused in a sentence that', () => {
  it.each<[string, ConfigSources['env'], ConfigSources['flags'], RegExp]>([
    [
      'names the variable nearest to a misspelt one',
      { PROOFHOUSE_DATADIR: 'x' },
      {},
      /PROOFHOUSE_DATADIR.*PROOFHOUSE_DATA_DIR\?/,
    ],
    [
      'names what belongs to the command of a job',
      { PROOFHOUSE_LEASE_ID: 'x' },
      {},
      /PROOFHOUSE_LEASE_ID.*command of a job/,
    ],
    ['says so even when it is empty', { PROOFHOUSE_OUTPUT_DIR: '' }, {}, /PROOFHOUSE_OUTPUT_DIR.*Unset it/],
    ['knows the older prefix too', { AGENT_JOB_ARTIFACT_ROT: 'x' }, {}, /AGENT_JOB_ARTIFACT_ROOT\?/],
    ['names the flag nearest to a misspelt one', {}, { 'data-dri': 'x' }, /--data-dri.*data-dir\?/],
    ['shows the value', { PROOFHOUSE_PORT: 'http' }, {}, /PROOFHOUSE_PORT "http".*number/],
    ['names the flag it came from', {}, { port: '70000' }, /--port "70000"/],
    ['names a size', { PROOFHOUSE_MAX_ARTIFACT_BYTES: '-1' }, {}, /PROOFHOUSE_MAX_ARTIFACT_BYTES.*such as/],
    [
      'names both: no authentication and not loopback',
      { PROOFHOUSE_AUTH: 'disabled', PROOFHOUSE_HOST: '0.0.0.0' },
      {},
      /PROOFHOUSE_AUTH.*PROOFHOUSE_HOST/,
    ],
    [
      'names both: production and a folder',
      { PROOFHOUSE_HOST: '0.0.0.0' },
      {},
      /PROOFHOUSE_MODE.*PROOFHOUSE_HOST.*PROOFHOUSE_DURABLE_FILESYSTEM/,
    ],
    [
      'names both: production and memory',
      { PROOFHOUSE_MODE: 'production', PROOFHOUSE_BLOB_URL: 'memory:' },
      {},
      /Memory stores.*PROOFHOUSE_MODE/,
    ],
    [
      'names a type that retention does not know',
      { PROOFHOUSE_RETENTION_DAYS: 'logs=7' },
      {},
      /RETENTION_DAYS.*logs is no/,
    ],
    [
      'refuses a grace that uploads could outlast',
      { PROOFHOUSE_COLLECT_GRACE_HOURS: '0' },
      {},
      /COLLECT_GRACE_HOURS "0"/,
    ],
    ['refuses a share over the whole', { PROOFHOUSE_STORAGE_WARN_PERCENT: '101' }, {}, /STORAGE_WARN_PERCENT "101"/],
    [
      'names both: an issuer and no audience',
      { PROOFHOUSE_OIDC_ISSUER: 'https://id.example', PROOFHOUSE_OIDC_ROLE_MAP: 'a=admin' },
      {},
      /PROOFHOUSE_OIDC_ISSUER.*PROOFHOUSE_OIDC_AUDIENCE/,
    ],
    [
      'names both: an issuer and no roles',
      { PROOFHOUSE_OIDC_ISSUER: 'https://id.example', PROOFHOUSE_OIDC_AUDIENCE: 'x' },
      {},
      /PROOFHOUSE_OIDC_ISSUER.*PROOFHOUSE_OIDC_ROLE_MAP/,
    ],
    [
      'names both: a claim with roles and no issuer',
      { PROOFHOUSE_OIDC_ROLE_CLAIM: 'groups' },
      {},
      /PROOFHOUSE_OIDC_ROLE_CLAIM.*PROOFHOUSE_OIDC_ISSUER/,
    ],
    [
      'names both: an issuer and no authentication',
      {
        PROOFHOUSE_OIDC_ISSUER: 'https://id.example',
        PROOFHOUSE_OIDC_AUDIENCE: 'x',
        PROOFHOUSE_OIDC_ROLE_MAP: 'a=admin',
        PROOFHOUSE_AUTH: 'disabled',
      },
      {},
      /PROOFHOUSE_AUTH.*PROOFHOUSE_OIDC_ISSUER/,
    ],
    ['names a role', { PROOFHOUSE_OIDC_ROLE_MAP: 'a=owner' }, {}, /OIDC_ROLE_MAP.*a=owner is not/],
    ['names a value with two roles', { PROOFHOUSE_OIDC_ROLE_MAP: 'a=admin,a=operator' }, {}, /a is named twice/],
    ['names an issuer without TLS', { PROOFHOUSE_OIDC_ISSUER: 'http://id.example' }, {}, /OIDC_ISSUER.*https/],
    ['names a job type', { PROOFHOUSE_JOB_TYPES: 'ok,Not Ok' }, {}, /PROOFHOUSE_JOB_TYPES/],
    ['names a public URL', { PROOFHOUSE_PUBLIC_URL: 'ftp://x' }, {}, /PROOFHOUSE_PUBLIC_URL/],
    [
      'says where further names belong, of a list in the public URL',
      { PROOFHOUSE_PUBLIC_URL: 'https://a.example,https://b.example' },
      {},
      /PUBLIC_URL.*one URL.*PROOFHOUSE_ALLOWED_HOSTS/,
    ],
    [
      'says so of a list parted by spaces',
      {},
      { 'public-url': 'https://a.example https://b.example' },
      /--public-url.*PROOFHOUSE_ALLOWED_HOSTS/,
    ],
    ['names a public URL with a query', { PROOFHOUSE_PUBLIC_URL: 'https://x/?a=1' }, {}, /query/],
    [
      'names an allowed host',
      { PROOFHOUSE_ALLOWED_HOSTS: 'a.example,*' },
      {},
      /PROOFHOUSE_ALLOWED_HOSTS.*\* is no host/,
    ],
    ['names a time of no length', { PROOFHOUSE_KEEP_ALIVE_SECONDS: '0' }, {}, /PROOFHOUSE_KEEP_ALIVE_SECONDS "0"/],
    ['names a proxy', { PROOFHOUSE_TRUST_PROXY: '10.0.0.0/8,the-proxy' }, {}, /PROOFHOUSE_TRUST_PROXY.*the-proxy/],
  ])('%s', (_what, env, flags, sentence) => {
    expect(() => load(env, flags)).toThrow(sentence);
    expect(() => load(env, flags)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  it('does not show a secret', () => {
    for (const env of [{ PROOFHOUSE_ADMIN_TOKEN: 'hunter2' }, { PROOFHOUSE_ADMIN_TOKEN: 'has a space and hunter2' }]) {
      expect(() => load(env)).toThrow(/PROOFHOUSE_ADMIN_TOKEN is not usable/);
      expect(() => load(env)).not.toThrow(/hunter2/);
    }
  });

  it.each<[string, unknown, RegExp]>([
    ['says that the file is no JSON', '{', /PROOFHOUSE_CONFIG .*config\.json cannot be read as JSON/],
    ['says that the file is no flat object', { port: { deep: 1 } }, /one flat object/],
    ['names the key nearest to a misspelt one', { maxArtefactBytes: 1 }, /"maxArtefactBytes".*maxArtifactBytes\?/],
  ])('%s', (_what, content, sentence) => {
    expect(() => load({ PROOFHOUSE_CONFIG: file(content) })).toThrow(sentence);
  });

  it('says that the file is not there', () => {
    expect(() => load({ PROOFHOUSE_CONFIG: join(folder, 'nothing.json') })).toThrow(/nothing\.json cannot be read/);
  });
});
