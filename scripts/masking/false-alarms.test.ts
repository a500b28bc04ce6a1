// Values that are no secrets, although the name of a secret is beside them or they look random. Each line is one text.
import { expect, it } from 'vitest';
import { compileSecrets, maskText, secretRules } from '@proofhouse/core';

const set = compileSecrets({ rules: secretRules });
const commit = '3b18e512dba79e4c8300dd08aeb37f8e728b8dad';
const digest = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';

const texts: Readonly<Record<string, readonly string[]>> = {
  'names of models': [
    'CTX_TOKEN=gpt-4o-2024-08-06',
    'DEFAULT_TOKEN_MODEL=claude-3-5-sonnet-20241022',
    'token=claude-opus-4-20250514',
    'token: llama-3.1-8b-instruct',
    'API_KEY_MODEL=o3-mini-2025-01-31',
    'token="meta-llama/Llama-3.1-8B"',
  ],
  'commit ids, digests and identifiers': [
    `access_key: ${commit}`,
    `"access_key": "${commit}"`,
    `ACCESS_KEY=${commit}`,
    `SECRET_SHA256=${digest}`,
    `token_hash: ${commit}`,
    `token digest sha256:${digest}`,
    'token: 0x1f4000ab',
    '"token": "0x5b38da6a701c568545dcfcb03fcb875f56beddc4"',
    'secret_id=550e8400-e29b-41d4-a716-446655440000',
    "'Lock-Token': 'urn:uuid:a515cfa4-5da4-22e1-f5b5-00a0451e6bf7'",
    'fix token: PROJ-1234',
    'private key: id_ed25519',
    'token: ghcr.io/org/app1:sha-1a2b3c4',
    'secret: default-token-x7k2p',
    'secret "sh.helm.release.v1.app.v12"',
    'deploy_key: prod-2024',
  ],
  'cursors of pages': [
    '"continuation_token":"abc123def456ghi789"',
    '"next_page_token": "CAoQAB1a2b3c4d5e"',
    'nextToken: AAMA-EFRSURBSGg1a2b3c4',
    '<NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J</NextContinuationToken>',
    '"paginationToken":"a1b2c3d4e5f6"',
    'resumption_token=a1b2c3d4e5',
    '"scrollToken":"a1b2c3d4e5f6"',
    'nextPageToken%3DCAoQAB1a2b3c4d5e',
  ],
  'words that contain a secret word': [
    'tokenizer: cl100k_base',
    'max_tokens: 128000',
    'keyboard: qwerty12345a',
    'monkey: a8f7d6c5b4a3',
    'tokenCount: a1b2',
    '"pad_token": "<|endoftext|>"',
    'bypass: n0rth12',
    'PASS  src/a1.test.ts (5.123 s)',
    'https://host/branch/main/graph/badge.svg?token=lWZ9OBQ7GM',
  ],
  'references to secrets': [
    'PASSWORD_FILE=/run/secrets/x1',
    'secretName: my-secret-1a2b3c',
    'secretKeyRef:\n  name: db-credentials-1a2b\n  key: password1',
    'existingSecret: my-release-postgresql-1',
    'password=${DB_PASS1}',
    'password=$(vault read x1)',
    'password: {{ .Values.db.pass1 }}',
    'token=<your-token-1>',
    'password: ChangeMe!1',
    'password=!ENCRYPTED',
    'set -x TOKEN $TOKEN_1',
    'setenv API_KEY ${API_KEY}',
    'mysql -u root -p$PASSWORD',
    'curl -u "$USER:$PASSWORD" https://host',
    'echo "$TOKEN" | docker login -u ci --password-stdin',
  ],
  'expressions and types of source code': [
    'apiKey: process.env.OPENAI_API_KEY1',
    'token = getToken2(x, y)',
    'const secret = crypto.randomBytes(32).toString("hex")',
    'password = hash_password(user.password1)',
    'token = tokens[index1]',
    'token := r.Header.Get("X-Token1")',
    'passwd = pw->pw_passwd;',
    'my $pass = $assert->{pass}',
    'if len(password) > blocksize:',
    '(Ed25519PrivateKey, Ed25519PublicKey)',
    "('ASAuthorization', 'ASAuthorizationAppleIDButton')",
    'getSecret("db-prod-12345")',
    'password: string',
    'token: Optional[str1]',
    'pub token: [u8; 32],',
    'password VARCHAR(255) NOT NULL',
    'token: z.string().min(32)',
    'username= message= passphrase= password= scmVersion=',
  ],
  'messages about passwords': [
    '"Password: Enter your password"',
    '"password.label": "Passwort1 eingeben"',
    'passwordTooShort: "at-least-8-characters"',
    'Password: 8-20 characters',
    "SyntaxError: Unexpected token 'export1'",
    'token at line 12: unexpected1',
    'Using password: YES',
  ],
};

it.each(Object.entries(texts))('%s are not masked', (_kind, lines) => {
  for (const line of lines) expect(maskText(set, line)).toEqual({ text: line, receipt: { masked: [] } });
});
