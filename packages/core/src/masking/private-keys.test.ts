import { describe, expect, it } from 'vitest';
import { makeExample } from './make-example.ts';
import { secretRules } from './secret-rules.ts';
import { compileSecrets } from './secret-set.ts';
import { chunksOf, masked, maskedInChunks } from './testing/masked-in-chunks.ts';

const set = compileSecrets({ rules: secretRules });
const encoder = new TextEncoder();

/** Returns the lines of a private key. Its body has `length` characters, in lines of `width` characters. */
function keyOf(label: string, width: number, length: number): string[] {
  const body = makeExample('base64', length, width + length).match(new RegExp(`.{1,${width}}`, 'g')) ?? [];
  return [`-----BEGIN ${label}-----`, ...body, `-----END ${label}-----`];
}

const keys = {
  RSA: keyOf('RSA PRIVATE KEY', 64, 1592),
  EC: keyOf('EC PRIVATE KEY', 64, 164),
  Ed25519: keyOf('PRIVATE KEY', 64, 64),
  OpenSSH: keyOf('OPENSSH PRIVATE KEY', 70, 516),
  'a short last line': keyOf('ENCRYPTED PRIVATE KEY', 64, 68),
  'one long line': keyOf('PRIVATE KEY', 5000, 1605),
  PGP: [
    '-----BEGIN PGP PRIVATE KEY BLOCK-----',
    ...keyOf('', 64, 200).slice(1, -1),
    '=aB3+',
    '-----END PGP PRIVATE KEY BLOCK-----',
  ],
};

const time = (index: number): string => `10:00:${String(index % 60).padStart(2, '0')}`;
const json = (fields: object): string => JSON.stringify(fields);

const prefixes: Readonly<Record<string, (line: string, index: number) => string>> = {
  nothing: (line) => line,
  'an indentation': (line) => `    ${line}`,
  'a time': (line, index) => `2026-01-01T${time(index)}.${index * 7919}Z ${line}`,
  'the name of a container': (line) => `web-1  | ${line}`,
  'the name of a pod': (line) => `[pod/web-7f9c8d-abcde/app] ${line}`,
  'a line number': (line, index) => `${index + 7}: ${line}`,
  'a file name and a line number': (line, index) => `dir/file.pem:${index + 1}:${line}`,
  'a file name and a line number of the context': (line, index) => `dir/file.pem-${index + 1}-${line}`,
  'the number of `cat -n`': (line, index) => `${String(index + 1).padStart(6)}\t${line}`,
  'the fields of journald': (line, index) => `Jan 01 ${time(index)} host app[12]: ${line}`,
  'the job and the step': (line, index) => `build\tRun tests\t2026-01-01T${time(index)}Z ${line}`,
  'a comment sign': (line) => `# ${line}`,
  'a documentation comment': (line) => `//! ${line}`,
  'a star': (line) => ` * ${line}`,
  'a quotation mark': (line) => `> ${line}`,
  'a colour': (line) => `\u001b[32m${line}\u001b[0m`,
  'the sign of a diff': (line) => `+${line}`,
  'the sign of a diff and a comment sign': (line) => `-// ${line}`,
  'an opening quote': (line) => `    "${line}\\n" +`,
  'an XML element': (line) => `<line>${line}</line>`,
  'a cell of a table': (line) => `| ${line} |`,
  'the fields of a JSON record': (line, index) =>
    json({ time: `2026-01-01T${time(index)}.${index * 7919}Z`, id: '4f'.repeat(32), msg: line }),
  'a JSON record with a colour': (line) => json({ log: `\u001b[32m${line}\u001b[0m\n`, stream: 'stdout' }),
  'a JSON record with escaped slashes': (line) => json({ msg: line, trace: 'deadbeef' }).replaceAll('/', '\\/'),
  'fields of logfmt': (line, index) => `ts=${index} level=info msg="${line}" id=ab12`,
};

describe('a private key whose lines have a prefix is masked, and only its text:', () => {
  for (const [prefix, wrap] of Object.entries(prefixes)) {
    it.each(Object.entries(keys))(`${prefix}, %s`, (_name, lines) => {
      const secretOf = (line: string): string => {
        const secret = line.replace(/^=/, '');
        return wrap('/', 0).includes('\\/') ? secret.replaceAll('/', '\\/') : secret;
      };
      const text = ['before', ...lines.map(wrap), 'after', ''].join('\n');
      const wanted = [
        'before',
        ...lines.map((line, index) => wrap(line, index).replace(secretOf(line), mask)),
        'after',
      ];
      expect(masked(set, text)).toBe([...wanted, ''].join('\n'));
      expect(masked(set, text, 1)).toBe(masked(set, text));
      expect(masked(set, masked(set, text))).toBe(masked(set, text));
    });
  }
});

const mask = '***MASKED***';
const { RSA, EC } = keys;

describe('a private key is masked', () => {
  it('between the lines of another program', () => {
    const other = 'db-1   | checkpoint complete: wrote 12 buffers of path/to/Some9/thing';
    const text = RSA.map((line) => `web-1  | ${line}\n${other}\n`).join('');
    expect(masked(set, text)).toBe(`web-1  | ${mask}\n${other}\n`.repeat(RSA.length));
  });

  it('whose line ends were doubled', () => {
    expect(masked(set, RSA.join('\n\n'))).toBe(RSA.map(() => mask).join('\n\n'));
  });

  it('in one line whose escaped lines have a prefix', () => {
    const text = json({ output: EC.map((line) => `2026-01-01T10:00:00Z ${line}`).join('\n') });
    for (const line of EC.slice(1, -1)) expect(masked(set, text)).not.toContain(line);
  });

  it('in a list of lines', () => {
    for (const text of [json(RSA), json(RSA.map((line) => `${line}\n`)), RSA.join(' '), RSA.join('')]) {
      for (const line of RSA.slice(1, -1)) expect(masked(set, text)).not.toContain(line.slice(-8));
    }
  });

  it('whose line begins with a plus sign, in an element and in an indented block', () => {
    const lines = RSA.map((line, index) => (index === 0 || line.startsWith('-') ? line : `+${line.slice(1)}`));
    expect(masked(set, `  <key>${lines.join('\n')}</key>`)).toBe(`  <key>${lines.map(() => mask).join('\n')}</key>`);
    expect(masked(set, `  ${lines.join('\n  ')}`)).toBe(`  ${lines.map(() => mask).join('\n  ')}`);
    expect(masked(set, lines.map((line) => `+${line}`).join('\n'))).toBe(lines.map(() => `+${mask}`).join('\n'));
  });

  it('whose end is missing', () => {
    const lines = RSA.slice(0, 6).map((line) => `web-1 | ${line}`);
    const text = [...lines, 'web-1 | a line of the log', 'web-1 | getUserByIdentifier2', 'done'].join('\n');
    const wanted = [...lines.map(() => `web-1 | ${mask}`), ...text.split('\n').slice(-3)].join('\n');
    expect(masked(set, text)).toBe(wanted);
  });
});

describe('text after the first line of a private key without a body stays as it is', () => {
  const [begin = '', end = ''] = [RSA[0], RSA.at(-1)];
  const sha384 = `sha384-${makeExample('base64', 64)}`;
  it.each([
    ['a log', ['INFO request 4f2a9c8d7e6b5a4c3d2e1f0a', 'INFO packages/core/src/Masking9/x', 'INFO done'].join('\n')],
    ['a lock file', `"integrity": "${sha384}",\n"resolved": "https://a.test/x-1.0.0.tgz",\n`.repeat(20)],
    ['source code', `const end = '${end}';\nexport const hash = '${sha384}';\nreturn decodeBase64Url2(text);`],
    ['words', 'Done\nfinished\nreally\n'],
    ['checksums', `${makeExample('hex', 64)}  file\n${makeExample('hex', 64)}\n`],
    ['a certificate', `-----BEGIN CERTIFICATE-----\n${makeExample('base64', 64)}\n-----END CERTIFICATE-----`],
    ['a placeholder', `REDACTED\n${end}`],
    ['a placeholder in brackets', `<your key>\n${end}`],
    ['dots', `...\n${end}\nhttps://a.test/docs/KeyFormat2/abc`],
  ])('%s', (_what, rest) => {
    for (const prefix of ['', '2026-01-01T10:00:00Z ', '# ']) {
      const text = `${begin}\n${rest}`.replaceAll(/^/gm, prefix);
      expect(masked(set, text)).toBe(text);
    }
  });
});

const atoms: readonly string[] = [
  ...[RSA[0], RSA[0], RSA.at(-1), RSA[1], RSA[2], keys.OpenSSH[1], EC.at(-2), '=aB3+'].map((line) => line ?? ''),
  ...['***MASKED***', 'Proc-Type: 4,ENCRYPTED', 'Private-Lines: 3', `Private-MAC: ${makeExample('hex', 40)}`],
  ...['words of a text', `password=${makeExample('base62', 16)}`, '"log":"', '\\n', '+', '\u001b[32m', ' ', '=', '"'],
  ...['.,'.repeat(300), 'y '.repeat(900), '-----BEGIN CERTIFICATE-----'],
];

it('the output for random texts about keys does not depend on chunks, keeps the lines and is masked once', () => {
  let state = 20_261_129;
  const below = (limit: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)]!;
  const columns = (text: string): string[] =>
    text.split('\n').map((line) => /^(?:[+ ]|-(?!----))/.exec(line)?.[0] ?? '');
  for (let round = 0; round < 1500; round += 1) {
    const prefix = pick(['', '+', '> ', '2026-01-01T10:00:00Z ', 'web-1 | ', '12: ']);
    const line = (): string =>
      prefix === '+' ? `+${pick(atoms)}` : (below(3) > 0 ? prefix : '') + pick(atoms) + pick(['', '', pick(atoms)]);
    const ends = ['\n', '\n', '\r\n', '\n\n', ...(prefix === '+' ? [] : ['', ' '])];
    const text = Array.from({ length: 2 + below(12) }, () => line() + pick(ends)).join('');
    const input = encoder.encode(text);
    const whole = maskedInChunks(set, input);
    const bytes = maskedInChunks(set, input, chunksOf(1));
    expect(bytes.output).toBe(whole.output);
    expect(bytes.receipt).toEqual(whole.receipt);
    expect(bytes.held).toBeLessThan(6000);
    expect(masked(set, whole.output)).toBe(whole.output);
    expect(whole.output.split('\n').length).toBe(text.split('\n').length);
    if (prefix === '+') expect(columns(whole.output)).toEqual(columns(text));
  }
});

it.each([
  '-----BEGIN ',
  `${RSA[0]}\n`,
  `${RSA[0]} `,
  `${RSA[0]}\n${'words of a long text\n'.repeat(9)}`,
  `${RSA[0]}\n${'ab Cd1 '.repeat(200)}\n`,
  `${RSA[0]}\nx ${RSA[1]}\n${'x aB3\n'.repeat(30)}`,
  `${RSA[0]}\nx ${RSA[1]} ${'a1 B2 c3/ +d '.repeat(800)}`,
])('takes work in proportion to its size: %j', (text) => {
  const work = [1, 4].map((factor) => {
    let steps = 0;
    const input = encoder.encode(text.repeat(Math.ceil((factor * 65_536) / text.length)));
    const { held } = maskedInChunks(set, input, chunksOf(4096), (stream) => (steps = stream.steps));
    expect(held).toBeLessThan(6000);
    return steps / input.length;
  });
  expect(work[0]!).toBeLessThan(100);
  expect(work[1]! / work[0]!).toBeLessThan(1.1);
});
