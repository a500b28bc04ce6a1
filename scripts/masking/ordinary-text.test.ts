// Texts without a secret must not be changed by masking.
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { SecretScan, compileSecrets, maskText, secretRules } from '@proofhouse/core';

const root = path.join(import.meta.dirname, '../..');
const set = compileSecrets({ rules: secretRules });

/** Returns one line for each finding, with the text around the finding. */
function findingsIn(file: string): readonly string[] {
  const bytes = readFileSync(path.join(root, file));
  const scan = new SecretScan(set);
  scan.write(bytes);
  return scan
    .end()
    .findings.map(
      ({ rule, offset }) => `${file}: ${rule} at ${bytes.toString('latin1', Math.max(0, offset - 40), offset + 40)}`,
    );
}

describe('ordinary text is not changed', () => {
  it.each(['package-lock.json', 'README.md', 'CONTRIBUTING.md', 'ARCHITECTURE.md', 'CHANGELOG.md', 'package.json'])(
    '%s',
    (file) => {
      expect(findingsIn(file)).toEqual([]);
    },
  );

  it('TypeScript sources of this repository', () => {
    const sources = globSync('{packages/*/src,scripts,bench,fuzz}/**/*.ts', { cwd: root });
    const product = sources.filter((file) => !/node_modules|dist|\.test\.ts$|masking/.test(file));
    expect(product.length).toBeGreaterThan(300);
    expect(product.flatMap(findingsIn)).toEqual([]);
  });

  it.each(Object.entries(texts()))('%s', (_name, text) => {
    const masked = maskText(set, text);
    expect(masked.receipt.masked).toEqual([]);
    expect(masked.text).toBe(text);
  });
});

function texts(): Readonly<Record<string, string>> {
  const digest = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';
  const commit = '3b18e512dba79e4c8300dd08aeb37f8e728b8dad';
  const png =
    'iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAYAAAAf8/9hAAAAGXRFWHRTb2Z0d2FyZQBBZG9iZSBJbWFnZVJlYWR5ccllPAAAAyFpVFh0WE1MOmNvbS5hZG9i' +
    'ZS54bXAAAAAAADw/eHBhY2tldCBiZWdpbj0i77u/IiBpZD0iVzVNME1wQ2VoaUh6cmVTek5UY3prYzlkIj8+/P3AKIASIAakiaAIzaSyAJKsk1x2Z8mQ==';
  return {
    'git log with a diff': [
      `commit ${commit} (HEAD -> main, origin/main)`,
      `Merge: 3b18e51 ${commit.slice(0, 7)}`,
      'Author: A Person <person@mail.example>',
      'Date:   Sun Nov 29 08:24:59 2026 +0000',
      '',
      '    auth: rename the token of a session to its key',
      '',
      'diff --git a/src/token-store.ts b/src/token-store.ts',
      `index ${commit.slice(0, 12)}..${commit.slice(12, 24)} 100644`,
      '--- a/src/token-store.ts',
      '+++ b/src/token-store.ts',
      '@@ -12,7 +12,9 @@ export class TokenStore {',
      '-  const token = await this.#tokens.read(sessionId);',
      '+  const accessToken = await this.#tokens.read(sessionId, { maxTokens: 128000 });',
      '+  const password = request.body.password;',
      '+  return { token: accessToken, secret: sha256Hex(password), expiresIn: 3600 };',
      '   if (token === undefined) throw new AppError("unauthenticated", "The token is not valid.");',
      '   headers.authorization = `Bearer ${token}`;',
    ].join('\n'),
    'sha256sum output': ['a.tar.gz', 'secret.txt', 'token.json'].map((file) => `${digest}  ${file}`).join('\n'),
    'UUIDs, also as values of names of secrets': [
      'request 550e8400-e29b-41d4-a716-446655440000',
      'token=550e8400-e29b-41d4-a716-446655440000',
      '{"secret": "0f8fad5b-d9cb-469f-a165-70867728950e"}',
    ].join('\n'),
    'a PNG as data URI': `<img src="data:image/png;base64,${png}"/>`,
    'lock files': [
      '      "integrity": "sha512-z5iHIhSZMd2zkM6Sh6m1YrzMjMnYEQaxRAmqNZbKzqW0pGQhJ0tVZkYkYj5q9K7qzDq5y8rCkWvJ0a8mYpIuTg==",',
      'golang.org/x/sys v0.30.0 h1:QjkSwP/36a20jFYWkSue1YwXzLmsV5Gfq7Eiy72C1uc=',
      `checksum = "${digest}"`,
      `token-stream@1.0.0: {resolution: {integrity: sha512-VbtlYYSsuNAKTMLKiGvS0xUNRCkQcHOyEOL1wmyWlM0ZsKaRcd6wmLmvzp9E0NtUZDjlRzdMcX0Uk8yfZnJWHQ==}}`,
      `image: registry.example/api@sha256:${digest}`,
    ].join('\n'),
    'settings that are no secrets': [
      'PROOFHOUSE_SECRET_POLICY=reject MAX_TOKENS=128000 TOKENIZERS_PARALLELISM=false',
      'reject 128000 false banana',
      'SECRET_BACKEND=file TOKEN_TTL=3600s PASSWORD_MIN_LENGTH=12 SSH_ASKPASS=/usr/bin/true',
      'usage: {"input_tokens": 128000, "output_tokens": 4096, "cache_read_input_tokens": 1234567}',
      `password_hash: ${digest}`,
      'monkey=banana2 keyboard=qwerty12345 passenger: a1b2c3d4 compass=n0rth12345',
      '12 passed, 0 failed, 3 skipped (secret-rules.test.ts:14:22)',
      'key: cache-linux-x64-a8f7c6d5b4a39281 hash: ' + digest,
    ].join('\n'),
    'documentation with placeholders': [
      'export API_TOKEN=<your-token>',
      'curl -H "Authorization: Bearer $TOKEN" https://user:password@host/path',
      'password: changeme # replace it',
      'api_key = "xxxxxxxxxxxxxxxxxxxx"',
      'apiKey: process.env.API_KEY,',
      'token: ${{ secrets.GITHUB_TOKEN }}',
      'AKIA' + 'IOSFODNN7EXAMPLE and wJalrXUtnFEMI/K7MDENG/bPxRfiCY' + 'EXAMPLEKEY are examples',
    ].join('\n'),
  };
}
