// Finds forbidden words. Each rule says why its words are forbidden.
import type { RepositoryFile } from './repository-files.ts';

interface TextRule {
  readonly pattern: RegExp;
  readonly only?: RegExp;
  readonly because: string;
}

const textRules: readonly TextRule[] = [
  {
    pattern: /\b(TO[D]O|FIX[M]E|X{3})\b/,
    because: 'do it now, or open an issue: a note in the code is read by nobody',
  },
  { pattern: /\.only\(/, only: /\.(test|e2e|contract)\.ts$/, because: 'a focused test silences all others' },
  {
    pattern: /\b(it|test|describe|suite)(\.\w+)*\.(skip|todo)\b/,
    only: /\.(test|e2e|contract)\.ts$/,
    because: 'a test is skipped for a missing capability only, by skipIf or by the context of the test',
  },
  {
    pattern: /(?<![\w.\-/}])\/(work(?!\/api)|root)\/|(?<![\w.\-/}])\/home\/[a-z]/,
    because: 'this path exists on one machine',
  },
  {
    pattern: /\bregistry\.[\w-]+\.[\w.-]+|\b(artifactor[y]|verdacci[o])\b/i,
    because: "which registry to use is the reader's setting",
  },
];

/** Returns a line `path:line: what (why)` for each line of the file that breaks a rule. */
export function findForbiddenText(file: RepositoryFile): readonly string[] {
  const rules = textRules.filter((rule) => rule.only === undefined || rule.only.test(file.path));
  return file.text.split('\n').flatMap((line, index) =>
    rules.flatMap((rule) => {
      const found = rule.pattern.exec(line)?.[0];
      return found === undefined ? [] : [`${file.path}:${index + 1}: ${found} (${rule.because})`];
    }),
  );
}
