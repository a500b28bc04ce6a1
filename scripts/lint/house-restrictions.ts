// Restricts the environment, the clock, randomness and the console to certain folders, so that tests can replace them.
// Each row names the folders that may use one of them; the rest of packages/*/src may not.
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
      // A backend gets its clock as an option; only the default of that option reads the system clock.
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
      // Names of temporary files must be unique across processes; no logic depends on them.
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
 * ESLint accepts one setting of a rule per file, so every combination that occurs gets its own block, and the last one
 * wins.
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

/** Returns true if the row names the place or a folder above it. */
function isAllowed(restriction: Restriction, place: string): boolean {
  return restriction.allowed.some(
    (allowed) => allowed === place || (allowed.endsWith('/**') && place.startsWith(allowed.slice(0, -2))),
  );
}

function block(files: readonly string[], rows: readonly Restriction[]): Linter.Config {
  const options = rows.flatMap((row) => row.selectors.map((selector) => ({ selector, message: sentence(row) })));
  // A plain 'error' would keep the options of the previous block, so a place with every permission needs 'off'.
  const setting: Linter.RuleEntry = options.length === 0 ? 'off' : ['error', ...options];
  return { files: [...files], ignores: testFiles, rules: { 'no-restricted-syntax': setting } };
}

function sentence(row: Restriction): string {
  return `${row.name}: ${row.because}`;
}

export const houseRestrictions: Linter.Config[] = blocks();
