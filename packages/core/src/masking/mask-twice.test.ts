import { expect, it } from 'vitest';
import { maskPlaceholder } from './mask-placeholder.ts';
import { maskText } from './mask-text.ts';
import { secretRules } from './secret-rules.ts';
import { SecretScan } from './secret-scan.ts';
import { compileSecrets } from './secret-set.ts';

const encoder = new TextEncoder();
const values = ['p"W<7&r/ $x\\y+0', 'correct horse battery', 'Zx9-known-value'];
const sets = [
  compileSecrets({ rules: secretRules }),
  compileSecrets({ rules: secretRules, values: values.map((value) => ({ name: 'KNOWN', value })) }),
];
const matches = secretRules.flatMap((rule) => rule.examples.matches);
const others = [...secretRules.flatMap((rule) => rule.examples.ignores), ...values, maskPlaceholder];
const starts = [
  ...['password=', 'token: ', 'API_KEY="', '{"secret":"', 'https://u:', 'Authorization: Bearer ', 'Cookie: sid='],
  ...['<password>', 'set -x API_KEY ', '--token ', 'mysql -p', 'machine h login u password ', 'password    '],
  ...['variable "token" { default = "', String.raw`token\u003d`, 'password%3D', '\u{1b}[32m', 'password: |\n  '],
];
const separators = ['\n', ' ', '', '"', ',', '=', ':', ';', String.raw`\n`, '\t', '|', '/', '@', '-', '%3D', "'"];

/**
 * Generates texts that are joined from examples and placeholders. Generators with the same seed generate the same
 * texts.
 */
class GluedTexts {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  next(): string {
    const text = this.#pick([this.#part(), this.#glued(), this.#glued()]);
    const at = this.#integer(text.length + 1);
    const end = this.#pick([at, at, at + this.#integer(20)]);
    return this.#pick([text, text.slice(0, at) + maskPlaceholder + text.slice(end)]);
  }

  #glued(): string {
    const parts = Array.from({ length: 2 + this.#integer(3) }, () => this.#part());
    return parts.join(this.#pick(separators));
  }

  #part(): string {
    const { text, secret } = this.#pick(matches);
    return this.#pick([text, text, secret, this.#pick(starts) + secret, this.#pick(others), this.#pick(starts)]);
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[this.#integer(items.length)]!;
  }

  #integer(limit: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }
}

it.each([20_261, 20_262])(
  'glued examples and placeholders are masked once: a second pass changes and reports nothing (seed %i)',
  (seed) => {
    const texts = new GluedTexts(seed);
    for (let index = 0; index < 4000; index += 1) {
      const text = texts.next();
      for (const set of sets) {
        const once = maskText(set, text);
        expect(maskText(set, once.text), text).toEqual({ text: once.text, receipt: { masked: [] } });
        const scan = new SecretScan(set);
        scan.write(encoder.encode(text));
        expect(scan.end().total, text).toBe(once.receipt.masked.reduce((sum, { count }) => sum + count, 0));
      }
    }
  },
);
