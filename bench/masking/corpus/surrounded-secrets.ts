// Secrets that have no format of their own. Their surroundings show that they are secret: a URL with a password, a
// header, or the settings of npm and Docker. The two halves of the corpus use different templates, as in contexts.ts.
import { commandFamilies } from './command-secrets.ts';
import { secret, tolerated, type Half } from './sample.ts';
import type { SeededRandom } from './seeded-random.ts';

interface SurroundedFamily {
  readonly family: string;
  readonly file: string;
  readonly templates: readonly ((random: SeededRandom) => string)[];
}

const schemes = ['postgres', 'mysql', 'mongodb+srv', 'amqps', 'redis', 'https', 'ftp'] as const;

/** Returns a password as it is written in a URL. Some passwords have a percent-encoded character. */
function urlPassword(random: SeededRandom): string {
  const text = random.text('base62', random.integer(10, 28));
  return random.next() < 0.4 ? `${text}%40${random.text('base62', 4)}!` : text;
}

function passwordUrl(random: SeededRandom): string {
  const user = random.pick(['app', 'admin', 'svc-web', 'report_reader']);
  const port = random.integer(1024, 65_535);
  return `${random.pick(schemes)}://${user}:${secret(urlPassword(random))}@db-${random.text('hex', 4)}.internal:${String(port)}/main`;
}

function basic(random: SeededRandom): string {
  const pair = `${random.pick(['ci', 'deploy', 'admin'])}:${random.text('base62', random.integer(12, 24))}`;
  return secret(Buffer.from(pair).toString('base64'));
}

const opaque = (random: SeededRandom): string => secret(random.text('base64url', random.integer(24, 64)));
const session = (random: SeededRandom): string => secret(random.text('base62', random.integer(24, 48)));

const urls: readonly SurroundedFamily[] = [
  {
    family: 'url password',
    file: 'config.txt',
    templates: [
      (r) => `DATABASE_URL=${passwordUrl(r)}\nMODE=fast\n`,
      (r) => `{"url":"${passwordUrl(r)}","pool":5}\n`,
      (r) => `db:\n  url: "${passwordUrl(r)}?sslmode=require"\n`,
      (r) => `Error: connect ECONNREFUSED ${passwordUrl(r)} (attempt 3)\n`,
      (r) => `<datasource url='${passwordUrl(r)}'/>\n`,
      (r) => `# see ${passwordUrl(r)} for the copy\nimport os\n`,
      (r) => `+REDIS = "${passwordUrl(r)}"\n`,
      (r) => `{\\"dsn\\": \\"${passwordUrl(r)}\\"}\n`,
    ],
  },
  {
    family: 'url password without user',
    file: 'config.txt',
    templates: [
      (r) => `REDIS_URL=redis://:${secret(urlPassword(r))}@cache.internal:6379/0\n`,
      (r) => `broker: "redis://:${secret(urlPassword(r))}@queue.internal:6379"\n`,
    ],
  },
];

const headers: readonly SurroundedFamily[] = [
  {
    family: 'authorization bearer',
    file: 'request.http',
    templates: [
      (r) => `GET /v1/me HTTP/1.1\r\nHost: api.service.dev\r\nAuthorization: Bearer ${opaque(r)}\r\n\r\n`,
      (r) => `curl -s -H "authorization: bearer ${opaque(r)}" https://api.service.dev/me\n`,
      (r) => `{"headers":{"Authorization":"Bearer ${opaque(r)}","accept":"*/*"}}\n`,
      (r) => `req.headers = { 'Authorization': 'Bearer ${opaque(r)}' }\n`,
      (r) => `> Proxy-Authorization: Bearer ${opaque(r)}\n> Accept: */*\n`,
      (r) => `"{\\"authorization\\": \\"Bearer ${opaque(r)}\\"}"\n`,
    ],
  },
  {
    family: 'authorization basic',
    file: 'request.http',
    templates: [
      (r) => `GET / HTTP/1.1\nAuthorization: Basic ${basic(r)}\nAccept: */*\n`,
      (r) => `curl -H 'Authorization: Basic ${basic(r)}' https://api.service.dev\n`,
      (r) => `{"headers":{"authorization":"Basic ${basic(r)}"}}\n`,
      (r) => `< Proxy-Authorization: Basic ${basic(r)}\n`,
    ],
  },
  {
    family: 'cookie',
    file: 'request.http',
    templates: [
      (r) => `GET / HTTP/1.1\nCookie: ${tolerated(`theme=dark; session=${session(r)}; lang=en`)}\nAccept: */*\n`,
      (r) => `curl -b x -H 'Cookie: ${tolerated(`sid=${session(r)}`)}' https://app.service.dev\n`,
      (r) => `< Set-Cookie: ${tolerated(`session=${session(r)}; Path=/; HttpOnly; Secure`)}\n`,
      (r) => `set-cookie: ${tolerated(`__Host-sid=${session(r)}; Max-Age=3600`)}\r\ncontent-length: 0\r\n`,
    ],
  },
];

const credentialFiles: readonly SurroundedFamily[] = [
  {
    family: 'npmrc',
    file: '.npmrc',
    templates: [
      (r) => `save-exact=true\n//packages.service.dev/:_authToken=${secret(r.uuid())}\n`,
      (r) => `//packages.service.dev/npm/:_password="${secret(r.base64(18))}"\nalways-auth=true\n`,
      (r) => `//packages.service.dev/:_auth=${basic(r)}\nfund=false\n`,
      (r) => `@team:source=x\n//npm.service.dev/api/:_authToken="${secret(r.text('base64url', 40))}"\n`,
    ],
  },
  {
    family: 'docker auth',
    file: 'config.json',
    templates: [
      (r) => `{\n  "auths": {\n    "images.service.dev": {\n      "auth": "${basic(r)}"\n    }\n  }\n}\n`,
      (r) => `{"auths":{"https://index.service.dev/v1/":{"auth":"${basic(r)}"}}}\n`,
      (r) =>
        `{"auths":{"ghcr.service.dev":{"username":"ci","password":"${secret(r.text('base62', 20))}","auth":"${basic(r)}"}}}\n`,
      (r) => `{ "auths": { "images.service.dev": { "email": "a@b.dev", "auth": "${basic(r)}" } } }\n`,
    ],
  },
  {
    family: 'aws key id and secret',
    file: 'credentials',
    templates: [
      (r) => `[default]\naws_access_key_id = ${keyId(r)}\naws_secret_access_key = ${secret(r.text('base64', 40))}\n`,
      (r) => `{"AccessKeyId":"${keyId(r)}","SecretAccessKey":"${secret(r.text('base64', 40))}"}\n`,
      (r) => `AWS_ACCESS_KEY_ID=${keyId(r)}\nAWS_SECRET_ACCESS_KEY=${secret(r.text('base64', 40))}\n`,
      (r) => `connect("${keyId(r)}", "${secret(r.text('base64', 40))}", region)\n`,
      (r) => `${keyId(r)},${secret(r.text('base64', 40))}\n`,
      (r) => `aws configure set x; id ${keyId(r)} secret ${secret(r.text('base64', 40))}\n`,
    ],
  },
];

function keyId(random: SeededRandom): string {
  return secret(`AKIA${random.text('base32', 16)}`);
}

export const surroundedFamilies: readonly SurroundedFamily[] = [
  ...urls,
  ...headers,
  ...credentialFiles,
  ...commandFamilies,
];

export function surroundedTemplates({ templates }: SurroundedFamily, half: Half): SurroundedFamily['templates'] {
  return templates.filter((_, index) => (index % 2 === 0) === (half === 'development'));
}
