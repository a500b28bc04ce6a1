// Restricts the use of environment variables, clock, randomness and console to certain folders, so that tests can
// replace them. Each row is for one of these, and lists the folders that may use it. Every other folder of
// packages/*/src may not.
import type { Linter } from 'eslint';

interface Restriction {
  readonly name: string;
  readonly selectors: readonly string[];
  readonly because: string;
  readonly allowed: readonly string[];
}

const restrictions: readonly Restriction[] = [
  {
    name: 'environment',
    selectors: ["MemberExpression[object.name='process'][property.name='env']"],
    because:
      'process.env is read in packages/server/src/config/ and the cli only: one typed value, parsed once, frozen.',
    allowed: ['packages/server/src/config/**', 'packages/cli/src/**'],
  },
  {
    name: 'clock',
    selectors: [
      "MemberExpression[object.name='Date'][property.name='now']",
      "NewExpression[callee.name='Date'][arguments.length=0]",
      "CallExpression[callee.name='Date']",
    ],
    because: 'the time comes from an injected Clock (packages/server/src/kernel/), so that no test has to sleep.',
    allowed: [
      'packages/server/src/kernel/**',
      'packages/cli/src/main.ts',
      'packages/client/src/**/*{clock,random}.ts',
      'packages/web/src/**/*clock.ts',
      // A blob backend receives its clock as an option. Only the default value of that option reads the system clock.
      'packages/blobs/src/backends/**',
      'packages/conformance/src/**',
    ],
  },
  {
    name: 'chance',
    selectors: [
      "MemberExpression[object.name='Math'][property.name='random']",
      'MemberExpression[property.name=/^(randomUUID|randomBytes|randomInt|getRandomValues)$/]',
      'ImportSpecifier[imported.name=/^(randomUUID|randomBytes|randomInt|getRandomValues)$/]',
      "ImportDeclaration[source.value='uuid']",
    ],
    because: 'ids, secrets and jitter come from packages/server/src/kernel/, so that a test can repeat a run.',
    allowed: [
      'packages/server/src/kernel/**',
      'packages/cli/src/main.ts',
      'packages/client/src/**/*{clock,random}.ts',
      // Names of temporary files must be unique across processes. No logic depends on these names.
      'packages/blobs/src/backends/**',
      'packages/conformance/src/**',
    ],
  },
  {
    name: 'console',
    selectors: ["MemberExpression[object.name='console']"],
    because: 'only commands talk to a terminal; the server logs through its logger, libraries return values.',
    allowed: ['packages/cli/src/**', 'packages/conformance/src/main.ts'],
  },
];

const testFiles = ['**/*.test.ts', '**/*.e2e.ts', '**/*.contract.ts', '**/testing/**'];

/**
 * Returns one configuration block for each combination of restrictions. If several blocks of ESLint set a rule for a
 * file, only the options of the last block are used. So each block must list all restrictions that apply.
 */
function blocks(): Linter.Config[] {
  const places = [...new Set(restrictions.flatMap((restriction) => restriction.allowed))];
  const everywhere = block(['packages/*/src/**/*.ts', 'packages/*/src/**/*.tsx'], restrictions);
  const narrowed = places
    .toSorted((left, right) => left.length - right.length)
    .map((place) =>
      block(
        [place],
        restrictions.filter((restriction) => !isAllowed(restriction, place)),
      ),
    );
  return [everywhere, ...narrowed];
}

/** Returns true if the restriction lists the place or a folder above it. */
function isAllowed(restriction: Restriction, place: string): boolean {
  return restriction.allowed.some(
    (allowed) => allowed === place || (allowed.endsWith('/**') && place.startsWith(allowed.slice(0, -2))),
  );
}

function block(files: readonly string[], rows: readonly Restriction[]): Linter.Config {
  const options = rows.flatMap((row) => row.selectors.map((selector) => ({ selector, message: sentence(row) })));
  // If no restriction applies, the rule must be 'off', because 'error' alone would keep the options of the previous
  // block.
  const setting: Linter.RuleEntry = options.length === 0 ? 'off' : ['error', ...options];
  return { files: [...files], ignores: testFiles, rules: { 'no-restricted-syntax': setting } };
}

function sentence(row: Restriction): string {
  return `${row.name}: ${row.because}`;
}

export const houseRestrictions: Linter.Config[] = blocks();
