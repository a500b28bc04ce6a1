import { describe, expect, it } from 'vitest';
import { makeExample } from './make-example.ts';
import { SecretScan } from './secret-scan.ts';
import { secretRules } from './secret-rules.ts';
import { compileSecrets } from './secret-set.ts';
import { chunksOf, masked, maskedInChunks } from './testing/masked-in-chunks.ts';

const encoder = new TextEncoder();
const values = ['p"W<7&r/ $x\\y+0', 'correct horse battery', 'Zx9-known-value', 'line-a 11\nline-b 22\nline-c 33'];
const set = compileSecrets({ rules: secretRules, values: values.map((value) => ({ name: 'KNOWN', value })) });
const before = [
  'password=',
  'Authorization: Bearer ',
  'token: ',
  "API_KEY='",
  '{"secret":"',
  'https://u:',
  '<password>',
  '',
];
const after = ['', ' ', '\n', '"', "'", ',', '@host ', '</password>', ';'];

/** Returns texts that are composed of the examples of the rules. Every call returns the same texts. */
function texts(count: number): string[] {
  const matches = secretRules.flatMap((rule) => rule.examples.matches);
  let state = 20_261_129;
  const pick = <Item>(items: readonly Item[]): Item => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return items[Math.floor((state / 2 ** 32) * items.length)]!;
  };
  return Array.from({ length: count }, () => {
    const parts = [
      pick(matches).text,
      pick(before) + pick(matches).secret + pick(after),
      pick(before) + pick(values) + pick(after),
      pick(values),
    ];
    return [pick(parts), pick(parts), pick(parts)].join(pick(['\n', ' ', '']));
  });
}

it('the output of all rules does not depend on chunks', () => {
  for (const text of texts(400)) {
    const input = encoder.encode(text);
    const whole = maskedInChunks(set, input);
    for (const size of [1, 11]) {
      expect(maskedInChunks(set, input, chunksOf(size))).toMatchObject({
        output: whole.output,
        receipt: whole.receipt,
      });
    }
  }
});

it('masking twice with all rules changes nothing, and a scan of the output finds nothing', () => {
  for (const text of texts(2000)) {
    const once = masked(set, text);
    expect(masked(set, once)).toBe(once);
    const scan = new SecretScan(set);
    scan.write(encoder.encode(once));
    expect(scan.end().findings).toEqual([]);
  }
});

it.each(['PASS|', '--CLIENT-SECRET|', 'signing-key: ', 'TWILIO_TOKEN='])(
  'masking twice changes nothing where a long secret after %j has other text after it',
  (name) => {
    for (const secret of ['sk-helicone-' + makeExample('base64url', 21), ...values]) {
      for (const rest of ['=', 'DO00C1E5', ':8080', '/path?a=b', ',x=1', 'value: "a8f7d6c5b4"']) {
        const once = masked(set, name + secret + rest);
        expect(masked(set, once)).toBe(once);
      }
    }
  },
);

describe('text that is full of keywords', () => {
  const keywords = [...new Set(secretRules.flatMap((rule) => rule.keywords))];
  const fillers: readonly ((index: number) => string)[] = [
    () => '=',
    (index) => `=${index}`,
    (index) => `:"${index}`,
    (index) => `${index % 7}-`,
    () => '=\n',
  ];

  it('takes a bounded number of steps a byte, whatever keyword it is', () => {
    const slow = keywords.flatMap((keyword) =>
      fillers.flatMap((filler) => {
        let text = '';
        for (let index = 0; text.length < 3000; index += 1)
          text += keyword.toUpperCase() + filler(index) + keyword + filler(index);
        let steps = 0;
        maskedInChunks(set, encoder.encode(text), [], (stream) => (steps = stream.steps));
        return steps / text.length < 400 ? [] : [`${JSON.stringify(keyword + filler(0))}: ${steps / text.length}`];
      }),
    );
    expect(slow).toEqual([]);
  });

  it.each(['SECRETACCESSKEY=', 'ghs_', 'cookie=', 'dd-api-key=', 'x-redmine-api-key=', 'x-goog-api-key='])(
    'takes work in proportion to its size: %j',
    (keyword) => {
      const work = [1, 4].map((factor) => {
        let steps = 0;
        const input = encoder.encode(keyword.repeat((factor * 32_768) / keyword.length));
        maskedInChunks(set, input, chunksOf(4096), (stream) => (steps = stream.steps));
        return steps / input.length;
      });
      expect(work[0]!).toBeLessThan(100);
      expect(work[1]! / work[0]!).toBeLessThan(1.1);
    },
  );

  it.each([
    ['TOKEN=***MASKED***\n', 40],
    ['"password": "***MASKED***", ', 40],
    ['token: ***MASKED*** ghs_ ', 40],
    ['AESKEY: ', 200],
  ])('takes few steps where it has many masked values: %j', (unit, most) => {
    let steps = 0;
    const input = encoder.encode(unit.repeat(2000));
    maskedInChunks(set, input, chunksOf(65_536), (stream) => (steps = stream.steps));
    expect(steps / input.length).toBeLessThan(most);
  });

  it('does not hide a secret after a pattern that reads far', () => {
    const pair = 'SMTP_PASSWORD,e4qG3!8mPH#im*09,active';
    const token = 'cfut_' + makeExample('base62', 40);
    const far = String.raw`secret_access_key = machine h login u password ico-NK7P{\\\"a\\\":\\\"b\\\\n${token}\\\"}`;
    expect(masked(set, `Authorization: Bearer ${pair}${far}${pair}mysql -p`)).not.toContain('e4qG3');
    expect(masked(set, `mysql the manual of mysql says\nmysql -u root -p${'hunter' + '2x'} app`)).not.toContain('2x');
  });

  it('does not hide a secret that stands in it as a word', () => {
    const secret = makeExample('base62', 24);
    expect(masked(set, `${'SECRETACCESSKEY='.repeat(500)} password=${secret}`)).not.toContain(secret);
  });
});

describe('a token directly after', () => {
  const token = 'npm_' + makeExample('base62', 36);
  const escapes = ['\u001b', String.raw`\u001b`, String.raw`\x1b`, String.raw`\033`, String.raw`\e`, '^['];
  const sequences = ['[31m', '[38;5;208m', '[38;2;255;128;0m', '[01;31m', '[K', '[?25l', '[2J', '[0 q', '[=1h'];
  const codes = [String.raw`\x3d`, String.raw`\u003D`, String.raw`\075`, '%3D', '%253d', '%2522', '=3D', ' -p', '"-p'];

  it.each([
    ...escapes.flatMap((escape) => sequences.map((sequence) => escape + sequence)),
    ...codes,
    '\u001b(B',
    '[1;32m',
  ])('%j is masked', (before) => {
    for (const size of [1, Infinity]) {
      expect(masked(set, `x${before}${token}`, size)).toBe(`x${before}***MASKED***`);
    }
  });

  it.each(['a', 'Z', '9', 'x-', 'ab-p'])('%j is what its rule says', (before) => {
    expect(masked(set, before + token) === before + token).toBe(!before.endsWith('-'));
  });
});

it('masks the old and the new value of a block scalar in a diff', () => {
  const [removed, added] = [makeExample('base62', 24, 3), makeExample('base62', 12, 4) + '!x'];
  const diff = [' apiToken: |', `-  ${removed}`, `+  ${added}`, ' user: alice', ''].join('\n');
  expect(masked(set, diff)).toBe(' apiToken: |\n-  ***MASKED***\n+  ***MASKED***\n user: alice\n');
  const password = [' password: |', '-  0ld-pass!word', '-  0ld-pass!again', '+  n3w-pass!word', ' user: alice'].join(
    '\n',
  );
  expect(masked(set, password)).not.toMatch(/pass!/);
});

it('masks a secret whose keyword is not its beginning, also one byte a chunk and inside of another text', () => {
  const secret = 'aB3' + '8Q~' + makeExample('base62', 34);
  for (const before of ['', 'AZURE_CLIENT_SECRET=', 'x y ', '"', 'zzzz', '***MASKED***']) {
    for (const size of [1, 2, 3, Infinity]) {
      const output = masked(set, `${before}${secret} end`, size);
      expect(output).not.toContain(secret.slice(0, 3));
      expect(output).toBe(masked(set, `${before}${secret} end`));
      expect(masked(set, output)).toBe(output);
    }
  }
});
