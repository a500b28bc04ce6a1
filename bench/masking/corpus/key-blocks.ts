// Private keys in PEM form, and templates of texts that contain them: key files, and other formats with a key inside.
// The two halves of the corpus use different templates, as in contexts.ts.
import { secret, tolerated, type Half } from './sample.ts';
import type { SeededRandom } from './seeded-random.ts';

export interface KeyBlock {
  readonly begin: string;
  readonly body: string;
  readonly end: string;
}

interface KeyContext {
  readonly context: string;
  readonly file: string;
  readonly templates: readonly ((block: KeyBlock, random: SeededRandom) => string)[];
}

const kinds = [
  ['pem RSA', 'RSA PRIVATE KEY', 1190],
  ['pem PKCS 8', 'PRIVATE KEY', 1216],
  ['pem EC', 'EC PRIVATE KEY', 121],
  ['pem OpenSSH', 'OPENSSH PRIVATE KEY', 387],
  ['pem encrypted', 'ENCRYPTED PRIVATE KEY', 1329],
] as const;

export const keyFamilies = kinds.map(([family, label, bytes]) => ({
  family,
  make: (random: SeededRandom): KeyBlock => ({
    // The words are joined here. Otherwise this line of the repository would look like the first line of a private key.
    begin: ['-----BEGIN', `${label}-----`].join(' '),
    body: wrap(random.base64(bytes), label.startsWith('OPENSSH') ? 70 : 64),
    end: ['-----END', `${label}-----`].join(' '),
  }),
}));

function wrap(text: string, columns: number): string {
  return text.match(new RegExp(`.{1,${String(columns)}}`, 'g'))?.join('\n') ?? text;
}

/** Returns the key block with real line ends. Each line begins with `indent`. */
function lines({ begin, body, end }: KeyBlock, indent = ''): string {
  return [tolerated(begin), ...body.split('\n').map(secret), tolerated(end)].map((line) => indent + line).join('\n');
}

/** Returns the key block with other text on each line, which `wrap` adds. */
function wrapped({ begin, body, end }: KeyBlock, wrap: (line: string, index: number) => string): string {
  return [tolerated(begin), ...body.split('\n').map(secret), tolerated(end)].map(wrap).join('\n');
}

/** Returns the key block as one line, in which `separator` replaces each line end. */
function oneLine({ begin, body, end }: KeyBlock, separator: string): string {
  return tolerated([begin, secret(body.replaceAll('\n', separator)), end].join(separator) + separator);
}

const escaped = String.raw`\n`;
const doublyEscaped = String.raw`\\n`;

const keyContexts: readonly KeyContext[] = [
  {
    context: 'key file',
    file: 'server.key',
    templates: [
      (block) => `${lines(block)}\n`,
      (block) => `Bag Attributes\n    friendlyName: web\n${lines(block)}\n`,
      (block) => `${lines(block).replaceAll('\n', '\r\n')}\r\n`,
      (block) => lines(block),
    ],
  },
  {
    context: 'env file',
    file: '.env',
    templates: [
      (block) => `PORT=80\nTLS_KEY="${oneLine(block, escaped)}"\nMODE=fast\n`,
      (block) => `SIGNING_PEM='${lines(block)}'\nMODE=fast\n`,
      (block) => `SIGNER=${oneLine(block, escaped)}\n`,
      (block) => `TLS="${lines(block)}\n"\nPORT=80\n`,
    ],
  },
  {
    context: 'export',
    file: 'setup.sh',
    templates: [
      (block) => `export TLS_KEY="${lines(block)}"\nmake\n`,
      (block) => `export SIGNING_PEM="$(printf '${oneLine(block, escaped)}')"\nmake\n`,
    ],
  },
  {
    context: 'YAML block scalar',
    file: 'secrets.yaml',
    templates: [
      (block) => `tls:\n  key: |\n${lines(block, '    ')}\n  port: 443\n`,
      (block) => `identity: |-\n${lines(block, '  ')}\nretries: 2\n`,
    ],
  },
  {
    context: 'YAML scalar',
    file: 'values.yaml',
    templates: [
      (block) => `tls:\n  key: "${oneLine(block, escaped)}"\n`,
      (block) => `identity: "${lines(block, '  ').trimStart()}"\nretries: 2\n`,
    ],
  },
  {
    context: 'JSON pair',
    file: 'service-account.json',
    templates: [
      (block, random) =>
        `{\n  "type": "service_account",\n  "private_key_id": "${tolerated(random.text('hex', 40))}",\n` +
        `  "private_key": "${oneLine(block, escaped)}",\n  "client_id": "${random.text('digits', 21)}"\n}\n`,
      (block) => `{"tls":{"pem":"${oneLine(block, escaped)}","port":443}}\n`,
    ],
  },
  {
    context: 'escaped JSON string',
    file: 'transcript.jsonl',
    templates: [
      (block) => `{"content":"{\\"pem\\": \\"${oneLine(block, doublyEscaped)}\\"}"}\n`,
      (block) =>
        `${JSON.stringify({ type: 'tool_result', output: 'cat id_key\n' })}\n{"out":"${oneLine(block, escaped)}"}\n`,
    ],
  },
  {
    context: 'XML element',
    file: 'settings.xml',
    templates: [
      (block) => `<server>\n  <key>${lines(block)}</key>\n</server>\n`,
      (block) => `<sp>\n  <pem>\n${lines(block, '    ')}\n  </pem>\n</sp>\n`,
    ],
  },
  {
    context: 'SQL row',
    file: 'seed.sql',
    templates: [
      (block) => `INSERT INTO certificates VALUES (7, '${lines(block)}\n', now());\n`,
      (block) => `COPY keys FROM stdin;\n3\t${oneLine(block, escaped)}\tactive\n\\.\n`,
    ],
  },
  {
    context: 'CSV',
    file: 'export.csv',
    templates: [
      (block) => `id,pem,at\n1,"${lines(block)}",2026-01-04\n`,
      (block) => `7;${oneLine(block, escaped)};yes\n`,
    ],
  },
  {
    context: 'comment',
    file: 'main.py',
    templates: [(block) => `def run():\n${lines(block, '# ')}\n`, (block) => `${lines(block, '// ')}\nconnect();\n`],
  },
  {
    context: 'Dockerfile',
    file: 'Dockerfile',
    templates: [
      (block) => `FROM node:24\nENV TLS_KEY="${oneLine(block, escaped)}"\nRUN npm ci\n`,
      (block) => `RUN printf "${oneLine(block, escaped)}" > /etc/tls.key\nUSER app\n`,
    ],
  },
  {
    context: 'shell heredoc',
    file: 'install.sh',
    templates: [
      (block) => `cat > tls.key <<EOF\n${lines(block)}\nEOF\nchmod 600 tls.key\n`,
      (block) => `ssh host 'cat > key' <<-END\n${lines(block, '\t')}\nEND\n`,
    ],
  },
  {
    context: 'log line',
    file: 'service.log',
    templates: [
      (block) =>
        `10:03 start\n${wrapped(block, (line, index) => `2026-03-01T10:04:${String(index % 60)}Z ${line}`)}\n10:05 done\n`,
      (block) => `${wrapped(block, (line, index) => `Mar 01 10:04:${String(index % 60)} web app[12]: ${line}`)}\n`,
      (block) => `${wrapped(block, (line) => `web-1  | ${line}\ndb-1   | checkpoint starting: time`)}\n`,
      (block) => `${wrapped(block, (line, index) => `keys/server.pem:${String(index + 1)}:${line}`)}\n`,
      (block) => `${wrapped(block, (line) => `{"log":"${line}\\n","stream":"stdout"}`)}\n`,
      (block) => `${wrapped(block, (line, index) => `{"seq":${String(index)},"msg":"${line}"}`)}\n`,
    ],
  },
  {
    context: 'diff line',
    file: 'change.diff',
    templates: [
      (block) => `--- /dev/null\n+++ b/tls.key\n@@ -0,0 +1,3 @@\n${lines(block, '+')}\n`,
      (block) => `@@ -1,4 +0,0 @@\n${lines(block, '-')}\n`,
    ],
  },
];

export const keyContextNames: readonly string[] = keyContexts.map(({ context }) => context);

/** Returns one text for each template of the half. Marks enclose the private keys in the texts. */
export function keyTexts(
  block: KeyBlock,
  half: Half,
  random: SeededRandom,
): { context: string; file: string; text: string }[] {
  return keyContexts.flatMap(({ context, file, templates }) =>
    templates
      .filter((_, index) => (index % 2 === 0) === (half === 'development'))
      .map((template) => ({ context, file, text: template(block, random) })),
  );
}
