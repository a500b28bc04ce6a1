import { describe, expect, it } from 'vitest';
import { makeExample } from '../masking/make-example.ts';
import { secretRules } from '../masking/secret-rules.ts';
import { SecretScan } from '../masking/secret-scan.ts';
import { compileSecrets } from '../masking/secret-set.ts';
import { metadataViolation } from './metadata-policy.ts';
import { signedUrlIn } from './signed-url.ts';

const set = compileSecrets({ rules: secretRules });
const ruleOf = (text: string): string | undefined => {
  const scan = new SecretScan(set);
  scan.write(new TextEncoder().encode(text));
  return scan.end().findings[0]?.rule;
};
const violation = (metadata: Record<string, unknown>) => metadataViolation(metadata, ruleOf);

const token = 'ghp_' + makeExample('base62', 36);

describe('metadata', () => {
  it.each([
    'secret',
    'clientSecret',
    'client_secrets',
    'token',
    'accessToken',
    'auth-token',
    'PASSWORD',
    'dbPasswd',
    'credentials',
    'Cookie',
    'Authorization',
    'bearer',
    'api_key',
    'X-Api-Key',
    'APIKey',
    'privateKey',
    'AWS_ACCESS_KEY',
    'signedUrl',
    'session_id',
    'sessionID',
    'apiKeys',
    'sessionIds',
    'accesstoken',
    'clientsecret',
    'privatekeys',
  ])('with the key %s is refused at any depth', (key) => {
    expect(violation({ [key]: 1 })).toMatchObject({ path: `metadata.${key}` });
    expect(violation({ list: [{}, { [key]: null }] })).toMatchObject({ path: `metadata.list.1.${key}` });
  });

  it.each([
    'tokenCount',
    'token_type',
    'secretName',
    'apiKeyLimit',
    'secretary',
    'tokens',
    'inputTokens',
    'passwordless',
    'key',
    'api',
    'session',
  ])('with the key %s is accepted', (key) => {
    expect(violation({ [key]: 'x', deep: [{ [key]: 1 }] })).toBeUndefined();
  });

  it('with a secret as value or key is refused, and the path does not contain the secret', () => {
    const found = [violation({ a: { b: ['x', `t ${token}`] } }), violation({ a: { [token]: 1 } })];
    expect(found).toMatchObject([{ path: 'metadata.a.b.1' }, { path: 'metadata.a.…' }]);
    expect(JSON.stringify(found)).not.toContain(token);
  });

  it('with the receipt of a masking is accepted, for every rule', () => {
    for (const { id } of secretRules) {
      expect(violation({ masked: [{ rule: id, count: 1 }], maskedMore: 2 }), id).toBeUndefined();
    }
    expect(violation({ masked: [{ rule: 'known:GIT_TOKEN', count: 3 }] })).toBeUndefined();
  });

  it('of an ordinary build is accepted', () => {
    const digest = `sha256:${makeExample('hex', 64)}`;
    const metadata = { commit: makeExample('hex', 40), digest, url: 'https://ci.example/runs/12?page=2#log', n: [1] };
    expect(violation(metadata)).toBeUndefined();
  });
});

describe('a URL', () => {
  it.each([
    'https://bucket.example/a?X-Amz-Algorithm=v4&X-Amz-Signature=00',
    'https://bucket.example/a?X-Goog-Credential=me',
    'https://account.example/c/a?sv=1&sig=00',
    'https://cdn.example/a?Expires=1&Signature=x&Key-Pair-Id=K',
    'https://h.example/?token=1',
    'https://h.example/#access_token=1',
    'https://h.example/a?api_key=1',
    'https://h.example/a?x=1;password=1',
    'https://user:pass@h.example/',
    'https://user:***MASKED***pass@h.example/',
    'https://h.example/a?sig=***MASKED***1',
    'https://h.example/a?sig=1=***MASKED***',
    'https%3A%2F%2Fuser%3Apass%40h.example%2F',
    'https://h.example/a?%73ig=1',
    'https://h.example/a?%2573ig=1',
    'https://h.example/a b?token=1',
    ' https:h.example/a b?token=1',
    'https://h.exam\tple/a b?token=1',
    'see https://uc1.dl.dropboxusercontent.com/cd/0/get/x for it',
  ])('%s is refused', (url) => {
    expect(signedUrlIn(url)).toBeDefined();
  });

  it.each([
    'https://h.example/a?nextPageToken=1',
    'https://www.dropbox.com/scl/fi/x/a.pdf?rlkey=abc&dl=0',
    'https://drive.google.com/file/d/1234/view?usp=sharing&resourcekey=0-a',
    'https://youtu.be/abc?t=10',
    'https://user@h.example/a',
    'https://user:***MASKED***@h.example/a?sig=***MASKED***&x=1',
    'http://[::1]:8750/a:b@c',
    'mailto:a@b.example?password=1',
    '50% token=1',
    'a:b@c',
  ])('%s is accepted', (url) => {
    expect(signedUrlIn(url)).toBeUndefined();
  });
});
