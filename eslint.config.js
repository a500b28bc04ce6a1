// ESLint configuration: strict type-checked rules, the allowed directions of imports, and the restrictions of this
// repository. The message of each rule that is special to this repository states its reason.
import js from '@eslint/js';
import tseslint from 'typescript-eslint';
import { directionRules } from './scripts/lint/import-directions.ts';
import { houseRestrictions } from './scripts/lint/house-restrictions.ts';

const tests = ['**/*.test.ts', '**/*.e2e.ts', '**/*.contract.ts', '**/testing/**/*.ts', 'packages/server/test/**/*.ts'];

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '.cache/**', 'var/**', 'coverage/**', '**/generated/**'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: {
        // The root vitest.config.ts belongs to the TypeScript project of no package.
        projectService: { allowDefaultProject: ['vitest.config.ts'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      // A function that is async only because its caller needs a promise may have no await.
      '@typescript-eslint/require-await': 'off',
      // Numbers and booleans are readable in a message and are allowed. Objects and undefined are not readable and stay
      // forbidden.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // Both `type` and `interface` are used: `type` for shapes inferred from schemas, `interface` for seams (see the
      // glossary).
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none', ignoreRestSiblings: true },
      ],
      // Members of index signatures are read with brackets, as a reminder that noUncheckedIndexedAccess adds undefined
      // to them.
      '@typescript-eslint/dot-notation': 'off',
      // A `while (true)` loop that ends with a return is clearer than a loop over a flag.
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      // `== null` is allowed, because it tests for null and undefined together, and records from the API or store have
      // both.
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-var': 'error',
      'prefer-const': 'error',
      'object-shorthand': 'error',
    },
  },
  {
    files: ['**/*.js'],
    languageOptions: {
      globals: { process: 'readonly', URL: 'readonly', Atomics: 'readonly', SharedArrayBuffer: 'readonly' },
    },
    rules: { eqeqeq: 'error' },
  },
  ...directionRules,
  ...houseRestrictions,
  {
    // Tests may use unsafe shortcuts that are forbidden in the product. The rules about promises also apply to tests.
    files: tests,
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-deprecated': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
    },
  },
);
