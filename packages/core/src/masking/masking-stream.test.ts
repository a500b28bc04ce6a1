import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskPlaceholder } from './mask-placeholder.ts';
import { MaskingStream } from './masking-stream.ts';
import { compileSecrets } from './secret-set.ts';
import { byteText, chunksOf, masked, maskedInChunks } from './testing/masked-in-chunks.ts';
import { sampleRules } from './testing/sample-rules.ts';
import { valueForms } from './values/value-forms.ts';

const seed = 20_261_129;
const encoder = new TextEncoder();
const value = 'p"W<7&r/ $x\\y+é0';
const linesValue = 'first line 1\nsecond line 2\n  third line 3';
const token = `tok_${'aB3'.repeat(8)}0`;
const key = ['-----BEGIN RSA PRIVATE KEY-----', ...['abC', 'dE+', 'f/g'].map((part) => part.repeat(21)), 'hi=='];
const pem = [...key, '-----END RSA PRIVATE KEY-----'];
const set = compileSecrets({
  values: [
    { name: 'VALUE', value },
    { name: 'LINES', value: linesValue },
    { name: 'LONGER', value: 'overlapping value with a tail' },
    { name: 'SHORTER', value: 'overlapping value' },
    { name: 'INNER', value: 'value with' },
  ],
  rules: sampleRules,
});

function textOf(bytes: string): string {
  return new TextDecoder().decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)));
}

describe('the output does not depend on how the stream is cut', () => {
  const secrets = [
    ...valueForms(value, '').map((form) => textOf(form.bytes)),
    ...valueForms(linesValue, '').map((form) => textOf(form.bytes)),
    token,
    'password="Tr0ub4dor&3x"',
    'x-key: abcdef-123456',
    'pair<abcdefg/1234567>',
    'password: |\n    one two\n    three\n',
    pem.join('\n'),
    pem.join('\\n'),
    pem.join('\r\n+'),
    `password=${maskPlaceholder}tail`,
    'overlapping value with a tail',
  ];

  it.each(secrets)('at any split position, and with one byte a chunk: %j', (secret) => {
    const input = encoder.encode(`before tok_ ${secret} after pass-----`);
    const whole = maskedInChunks(set, input);
    expect(whole.output).not.toContain(byteText(encoder.encode(secret)));
    for (let split = 1; split < input.length; split += 1) {
      expect(maskedInChunks(set, input, [split])).toMatchObject({ output: whole.output, receipt: whole.receipt });
    }
    expect(maskedInChunks(set, input, chunksOf(1))).toMatchObject({ output: whole.output, receipt: whole.receipt });
  });

  it('with random texts of fragments, random bytes and random chunks', () => {
    const fragments = fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...secrets) },
      {
        weight: 2,
        arbitrary: fc.constantFrom('tok_', '-----BEGIN ', 'password', '=', '\n', 'passphrase: ', '***MASK'),
      },
      { weight: 2, arbitrary: fc.constantFrom(...secrets).map((secret) => secret.slice(0, secret.length >> 1)) },
      { weight: 2, arbitrary: fc.constantFrom(...secrets).map((secret) => secret.slice(secret.length >> 1)) },
      { weight: 1, arbitrary: fc.string({ maxLength: 20 }) },
    );
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 40 });
    fc.assert(
      fc.property(
        fc.array(fragments, { maxLength: 10 }),
        fc.uint8Array({ maxLength: 30 }),
        sizes,
        (list, noise, cuts) => {
          const input = Uint8Array.from([
            ...encoder.encode(list.join('')),
            ...noise,
            ...encoder.encode(list.join(' ')),
          ]);
          const whole = maskedInChunks(set, input);
          for (const chunks of [cuts, chunksOf(1), chunksOf(7)]) {
            const cut = maskedInChunks(set, input, chunks);
            expect(cut).toMatchObject({ output: whole.output, receipt: whole.receipt });
          }
        },
      ),
      { seed, numRuns: 300 },
    );
  });
});

describe('what is masked', () => {
  it('the longest of overlapping values, and no tail of it shows', () => {
    expect(masked(set, 'an overlapping value with a tail.')).toBe(`an ${maskPlaceholder}.`);
    expect(masked(set, 'an overlapping value with a toe.')).toBe(`an ${maskPlaceholder} a toe.`);
  });

  it('values that partly overlap become one placeholder', () => {
    const chained = compileSecrets({ values: ['abcdefgh', 'fghijklm'].map((text) => ({ name: 'X', value: text })) });
    expect(masked(chained, '<abcdefghijklm>')).toBe(`<${maskPlaceholder}>`);
  });

  it('both secrets of a pair', () => {
    expect(masked(set, 'pair<abcdefg/1234567>')).toBe(`pair<${maskPlaceholder}/${maskPlaceholder}>`);
  });

  it('base64 of a user and a password, whatever the user is', () => {
    for (const user of ['', 'a', 'ab', 'abc']) {
      const output = masked(set, `Basic ${btoa(`${user}:${byteText(encoder.encode(value))}`)} end`);
      expect(output).toMatch(/^Basic [A-Za-z0-9]{0,5}\*\*\*MASKED\*\*\* end$/);
    }
  });

  it('a match that begins with a placeholder as a whole', () => {
    expect(masked(set, `password=${maskPlaceholder}-tail x`)).toBe(`password=${maskPlaceholder} x`);
  });

  it('the rest of an assignment whose value begins with a known value', () => {
    expect(masked(set, 'password=overlapping')).toBe(`password=${maskPlaceholder}`);
    const repeated = compileSecrets({ values: [{ name: 'X', value: 'aaaaaa' }], rules: sampleRules });
    expect(masked(repeated, 'password=aaaaaaab x')).toBe(`password=${maskPlaceholder} x`);
  });

  it('nothing where a rule does not match or does not accept', () => {
    const text =
      'tok_short password reset password: none passwords=aaaaaaaaaaaa pair<> -----BEGIN PUBLIC KEY-----\nabc';
    expect(masked(set, text)).toBe(text);
  });

  it('bytes around a mask stay as they are, also when they are not UTF-8', () => {
    const around = Uint8Array.from({ length: 256 }, (_, index) => 255 - index);
    const input = Uint8Array.from([...around, ...encoder.encode(` ${token} `), ...around]);
    const { output } = maskedInChunks(set, input, chunksOf(1));
    expect(output).toBe(`${byteText(around)} ${maskPlaceholder} ${byteText(around)}`);
  });

  it('is told by rule and count, without values', () => {
    const { receipt } = maskedInChunks(set, encoder.encode(`${token} ${token}\n${pem.join('\n')}\n${linesValue}`));
    expect(receipt.masked).toEqual([
      { rule: 'known:LINES', count: 1 },
      { rule: 'sample-key', count: 1 },
      { rule: 'sample-token', count: 2 },
    ]);
  });

  it('stays the same when it is masked again', () => {
    const secrets = fc.constantFrom(value, linesValue, token, pem.join('\n'), 'overlapping value');
    const before = fc.constantFrom('password=', 'password: "', 'x-key: ', '-', '', 'pair<', '-----BEGIN ');
    const after = fc.constantFrom(' ', '\n', '"', '>', '@', ' password ', 'tail', '\\n');
    fc.assert(
      fc.property(fc.array(fc.tuple(before, secrets, after), { maxLength: 2 }), (list) => {
        const once = masked(set, list.flat().join(''));
        expect(masked(set, once)).toBe(once);
      }),
      { seed, numRuns: 500 },
    );
  });
});

describe('matches over several lines', () => {
  const scalar = ['password: |', '    one two', '    three', 'next: 1'];

  it('are masked line by line, with indentation and line ends', () => {
    expect(masked(set, `${scalar.join('\n')}\n`)).toBe(
      `password: |\n    ${maskPlaceholder}\n    ${maskPlaceholder}\nnext: 1\n`,
    );
    const crlf = pem.map((line) => `  ${line}\r\n`).join('');
    expect(masked(set, crlf)).toBe(`  ${maskPlaceholder}\r\n`.repeat(pem.length));
  });

  it('hide the first sign of a line that is no diff', () => {
    const body = [pem[0], '+' + 'Ab1/'.repeat(15), '++' + 'Ab1/'.repeat(15), ...pem.slice(1)];
    expect(masked(set, body.join('\n'))).toBe(body.map(() => maskPlaceholder).join('\n'));
    expect(masked(set, `x\n${body.join('\n')}\n+y`)).toBe(`x\n${body.map(() => maskPlaceholder).join('\n')}\n+y`);
  });

  it.each(['+', '-', ' '])('leave the lines of a diff that begin with %j countable', (sign) => {
    const body = [...pem, ...scalar].map((line) => sign + line);
    const counts = sign === '+' ? '-0,0 +1' : sign === '-' ? '-1' : '-1,10 +1';
    const diff = ['--- a/file', '+++ b/file', `@@ ${counts},${body.length} @@`, ...body, ' end', ''].join('\n');
    const output = masked(set, diff).split('\n');
    expect(output.map((line) => line.slice(0, 1))).toEqual(diff.split('\n').map((line) => line.slice(0, 1)));
    expect(output.slice(0, 3)).toEqual(diff.split('\n').slice(0, 3));
    for (const line of key) expect(output.join('\n')).not.toContain(line);
  });

  it('end with the last piece of a block whose end is missing', () => {
    const { output } = maskedInChunks(set, encoder.encode(`${key.join('\n')}\nmore text`));
    expect(output).toBe(`${`${maskPlaceholder}\n`.repeat(key.length)}${maskPlaceholder} text`);
  });

  it('are masked up to the longest match of their rule', () => {
    const line = `\n${'b'.repeat(63)}`;
    const { output } = maskedInChunks(set, encoder.encode(pem[0]! + line.repeat(3000)));
    const rest = output.split('\n').filter((text) => text.includes('b'));
    expect(rest.length).toBeLessThan(3000 - 1020);
    expect(rest.length).toBeGreaterThan(3000 - 1030);
  });
});

describe('a set that is replaced while the stream runs', () => {
  it('masks the bytes that are held back', () => {
    const stream = new MaskingStream(compileSecrets({ rules: sampleRules }));
    const first = byteText(stream.write(encoder.encode('the tok_late')));
    stream.replaceSet(compileSecrets({ rules: sampleRules, values: [{ name: 'ADDED', value: 'tok_later' }] }));
    expect(first + byteText(stream.write(encoder.encode('r one'))) + byteText(stream.end())).toBe(
      `the ${maskPlaceholder} one`,
    );
  });

  it('goes on with a block that has begun', () => {
    const stream = new MaskingStream(set);
    const line = `\n${'b'.repeat(63)}`;
    const input = encoder.encode(pem[0]! + line.repeat(20));
    const parts = [stream.write(input.subarray(0, 1000))];
    stream.replaceSet(compileSecrets({ rules: sampleRules }));
    parts.push(stream.write(input.subarray(1000)), stream.end());
    expect(parts.map(byteText).join('')).not.toContain('b');
  });
});

describe('hostile input', () => {
  const unit = 65_536;
  const inputs = ['a', 'password=', '-----BEGIN ', 'tok_', 'tok_a', 'x-key:', '***MASK', `${key[0]}\n`, 'overlapping '];

  it.each(inputs)('takes work in proportion to its size, and a bounded part of it is held back: %j', (text) => {
    const work = [1, 4].map((factor) => {
      let steps = 0;
      const input = encoder.encode(text.repeat(Math.ceil((factor * unit) / text.length)));
      const { held } = maskedInChunks(set, input, chunksOf(4096), (stream) => (steps = stream.steps));
      expect(held).toBeLessThanOrEqual(1100);
      expect(steps / input.length).toBeLessThan(64);
      return steps / input.length;
    });
    expect(work[1]! / work[0]!).toBeLessThan(1.1);
  });
});
