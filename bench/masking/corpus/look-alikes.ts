// Texts that look as if they contained a secret, but contain none. Each generator creates one text. The two halves of
// the corpus use different seeds.
import type { SeededRandom } from './seeded-random.ts';

type Generator = (random: SeededRandom) => string;

function rows(count: number, row: (index: number) => string): string {
  return `${Array.from({ length: count }, (_, index) => row(index)).join('\n')}\n`;
}

const packages = ['left-pad', 'keyboard-layout', 'tokenizer', 'secret-santa', 'monkey-test', 'author-list', 'passport'];

const checksums: Readonly<Record<string, Generator>> = {
  'package-lock.json': (r) =>
    rows(12, () => {
      const name = r.pick(packages);
      return (
        `    "node_modules/${name}": {\n      "version": "${r.integer(0, 9)}.${r.integer(0, 20)}.0",\n` +
        `      "integrity": "sha512-${r.base64(64)}",\n      "license": "MIT"\n    },`
      );
    }),
  'yarn.lock': (r) =>
    rows(10, () => {
      const name = r.pick(packages);
      return `${name}@^1.0.0:\n  version "1.0.${r.integer(0, 9)}"\n  resolved "https://packages.service.dev/${name}.tgz#${r.text('hex', 40)}"\n  integrity sha512-${r.base64(64)}\n`;
    }),
  'go.sum': (r) => rows(15, () => `github.com/team/${r.pick(packages)} v1.${r.integer(0, 30)}.0 h1:${r.base64(32)}`),
  'Cargo.lock': (r) =>
    rows(8, () => `[[package]]\nname = "${r.pick(packages)}"\nversion = "0.3.1"\nchecksum = "${r.text('hex', 64)}"\n`),
  'poetry.lock': (r) =>
    rows(10, () => `    {file = "${r.pick(packages)}-1.0.tar.gz", hash = "sha256:${r.text('hex', 64)}"},`),
  'sha256sum output': (r) => rows(15, () => `${r.text('hex', 64)}  dist/${r.pick(packages)}.js`),
  'md5sum output': (r) => rows(15, () => `${r.text('hex', 32)} *${r.pick(packages)}.tar.gz`),
  'image digests': (r) =>
    rows(
      8,
      () =>
        `${r.text('hex', 12)}: Pull complete\nDigest: sha256:${r.text('hex', 64)}\nimage: web@sha256:${r.text('hex', 64)}`,
    ),
  'cache keys': (r) => rows(8, () => `Cache restored from key: node-modules-linux-${r.text('hex', 64)}`),
};

const versions: Readonly<Record<string, Generator>> = {
  'git log': (r) =>
    rows(
      8,
      () =>
        `commit ${r.text('hex', 40)}\nAuthor: Kay Token <kay@service.dev>\nDate:   Tue Feb 3 04:05:06 2026\n\n    auth: rename the token counter\n`,
    ),
  'git diff': (r) =>
    rows(
      6,
      () =>
        `diff --git a/src/key.ts b/src/key.ts\nindex ${r.text('hex', 10)}..${r.text('hex', 10)} 100644\n--- a/src/key.ts\n+++ b/src/key.ts\n@@ -1,2 +1,2 @@ class Keyboard\n-const tokens = ${r.integer(1, 999)};\n+const tokens = ${r.integer(1, 999)};`,
    ),
  'git ls-tree': (r) => rows(15, () => `100644 blob ${r.text('hex', 40)}\tsrc/${r.pick(packages)}.ts`),
  'git submodules': (r) =>
    rows(8, () => ` ${r.text('hex', 40)} vendor/${r.pick(packages)} (v1.2.0-${r.integer(1, 40)}-g${r.text('hex', 8)})`),
  'git push': (r) =>
    `To github.com:team/app.git\n   ${r.text('hex', 9)}..${r.text('hex', 9)}  main -> main\nremote: Resolving deltas: 100% (12/12)\n`,
};

const identifiers: Readonly<Record<string, Generator>> = {
  uuids: (r) => rows(12, () => `{"id":"${r.uuid()}","parent_key":"${r.uuid()}","session_id":"${r.uuid()}"}`),
  'trace ids': (r) =>
    rows(12, () => `level=info trace_id=${r.text('hex', 32)} span_id=${r.text('hex', 16)} msg="GET /items"`),
  'request log': (r) =>
    rows(
      12,
      () =>
        `10.0.0.${r.integer(1, 254)} - - [03/Feb/2026:04:05:06 +0000] "GET /static/app.${r.text('hex', 8)}.js?v=${r.text('hex', 10)} HTTP/1.1" 200 ${r.integer(100, 99_999)} etag="${r.text('hex', 32)}"`,
    ),
  'kubernetes pods': (r) =>
    rows(10, () => `web-${r.text('hex', 10)}-${r.text('lower', 5)}   1/1   Running   0   ${r.integer(1, 90)}d`),
  arns: (r) =>
    rows(8, () => `arn:aws:secretsmanager:eu-west-1:${r.text('digits', 12)}:secret:prod/db-${r.text('base62', 6)}`),
};

const encodings: Readonly<Record<string, Generator>> = {
  'png data uri': (r) => `<img alt="key" src="data:image/png;base64,iVBORw0KGgo${r.base64(900)}">\n`,
  'css font': (r) =>
    `@font-face{font-family:Token;src:url(data:font/woff2;base64,d09GMgAB${r.base64(700)}) format("woff2")}\n`,
  'source map': (r) =>
    `{"version":3,"sources":["token.ts"],"names":["password","secretKey"],"mappings":"${rows(1, () => Array.from({ length: 80 }, () => `${r.text('letters', 4)},${r.text('letters', 5)};`).join('')).trim()}"}\n`,
  'svg path': (r) =>
    `<path id="keyhole" d="${Array.from({ length: 60 }, () => `M${r.integer(0, 99)} ${r.integer(0, 99)}l-${r.integer(0, 9)}.${r.integer(1, 9)}`).join('')}z"/>\n`,
  'public key': (r) => `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${r.text('base64', 43)} kay@laptop\n`,
  certificate: (r) => `-----BEGIN CERTIFICATE-----\n${rows(12, () => r.text('base64', 64))}-----END CERTIFICATE-----\n`,
  'public pem': (r) => `-----BEGIN PUBLIC KEY-----\n${rows(6, () => r.text('base64', 64))}-----END PUBLIC KEY-----\n`,
  'pgp signature': (r) =>
    `-----BEGIN PGP SIGNATURE-----\n\n${rows(7, () => r.text('base64', 64))}-----END PGP SIGNATURE-----\n`,
  'base64 attachment': (r) => `Content-Transfer-Encoding: base64\n\n${rows(20, () => r.text('base64', 76))}`,
  'hex dump': (r) =>
    rows(
      12,
      (index) =>
        `${(index * 16).toString(16).padStart(8, '0')}  ${Array.from({ length: 16 }, () => r.text('hex', 2)).join(' ')}  |key.token.secret|`,
    ),
};

const code: Readonly<Record<string, Generator>> = {
  'typescript source': (r) =>
    `interface Login { password: string; apiKey?: string; readonly token: string | undefined }\n` +
    `const keyboardLayout = 'qwertz-${r.text('lower', 3)}';\nconst tokenCount = ${r.integer(1000, 200_000)};\n` +
    `function passwordStrength(password: string): number { return password.length * ${r.integer(2, 9)}; }\n` +
    `if (secretName === undefined) throw new Error('The secret name is missing.');\n` +
    `const maxTokens = options.maxTokens ?? defaultMaxTokens;\nexport const monkeyPatch = (key: keyof Target) => target[key];\n`,
  'python source': (r) =>
    `class Tokenizer:\n    def __init__(self, pad_token="[PAD]", eos_token="</s>", max_tokens=${r.integer(100, 9000)}):\n` +
    `        self.key_size = ${r.integer(1, 64)}\n        self.password_field = models.CharField(max_length=128)\n` +
    `    api_key = get_api_key_from_keyring(service_name)\n    secret = secrets.token_urlsafe(32)\n`,
  'minified code': (r) =>
    `!function(e,t){var n=e.token,r=t.key;${Array.from({ length: 60 }, () => `function ${r.text('letters', 2)}(e){return e.password&&e.key===${r.text('letters', 1)}?e.secret:${r.integer(0, 99)}}`).join('')}}(window,{});\n`,
  'agent transcript': (r) =>
    rows(6, (index) =>
      JSON.stringify({
        type: 'assistant',
        uuid: r.uuid(),
        message: {
          id: `msg_01${r.text('base62', 22)}`,
          usage: {
            input_tokens: r.integer(1, 90_000),
            output_tokens: r.integer(1, 900),
            cache_read_input_tokens: index,
          },
          content: [
            {
              type: 'tool_use',
              id: `toolu_01${r.text('base62', 22)}`,
              name: 'Read',
              input: { file_path: 'src/auth/token-keys.ts' },
            },
          ],
        },
      }),
    ),
  'env without secrets': (r) =>
    `NODE_ENV=production\nMAX_TOKENS=${r.integer(1000, 200_000)}\nTOKENIZERS_PARALLELISM=false\nPROOFHOUSE_SECRET_POLICY=reject\n` +
    `KEYBOARD_LAYOUT=us-intl\nSSH_KEY_PATH=/etc/keys/id_ed25519\nAUTH_MODE=none\nPASSWORD_MIN_LENGTH=12\nTOKEN_TTL_SECONDS=3600\n` +
    `SECRET_NAME=prod-database\nPUBLIC_KEY_ID=${r.text('digits', 6)}\nSESSION_COOKIE_NAME=sid\nAPI_KEY_HEADER=X-Api-Key\n`,
  'yaml settings': (r) =>
    `auth:\n  tokenType: bearer\n  passwordPolicy: strict\n  secretName: db-credentials\n  keyRotationDays: ${r.integer(10, 90)}\n` +
    `  secretKeyRef:\n    name: database-credentials\n    key: password\n  imagePullSecrets:\n    - name: images-pull\n`,
  'test output': (r) =>
    rows(
      10,
      () =>
        ` ✓ src/auth/password-reset.test.ts > a token expires after ${r.integer(1, 60)} minutes (${r.integer(1, 900)} ms)`,
    ),
  'prose about secrets': (r) =>
    `The password must have at least ${r.integer(8, 20)} characters. A token: an opaque text that the server issues.\n` +
    `Secret: the value in the vault. Authorization: who may do what. Key = name of the row; API key: see the settings page.\n` +
    `Passwords such as "${r.pick(['qwerty', 'letmein'])}" are refused. Set-Cookie is sent once. Bearer tokens expire.\n`,
  'plain urls': (r) =>
    `https://service.dev:8443/a@b\nssh://git@service.dev:22/team/app.git\ngit@github.com:team/app.git\nhttps://kay@service.dev/x\n` +
    `http://localhost:${r.integer(1024, 9999)}/@fs/src/key.ts:12:5\nhttps://service.dev/?page=2&sort=key&token_type=bearer&id=${r.uuid()}\n` +
    `postgres://\${DB_USER}:\${DB_PASSWORD}@db/main\nhttps://user:<password>@service.dev\nnpm:@team/keys@1.2.3\n`,
};

export const lookAlikes: Readonly<Record<string, Generator>> = {
  ...checksums,
  ...versions,
  ...identifiers,
  ...encodings,
  ...code,
};
