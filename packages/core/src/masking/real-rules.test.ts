import { expect, it } from 'vitest';
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

/** Returns texts that the examples of the rules are put together to, the same on every call. */
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
