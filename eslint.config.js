// The rules a machine can hold: types used honestly, promises never dropped, and the direction of imports.
// House rules carry their reason in the message, so that nobody has to look for it.
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
        // The root's own config file belongs to no package's project.
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
      // An async callback that must return a promise need not contain an await.
      '@typescript-eslint/require-await': 'off',
      // Numbers and booleans read well in messages; objects and undefined do not, and stay forbidden.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // `type` and `interface` say different things here: shapes inferred from schemas are types, seams are interfaces.
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none', ignoreRestSiblings: true },
      ],
      // Index signatures are read with noUncheckedIndexedAccess on; brackets mark them as such.
      '@typescript-eslint/dot-notation': 'off',
      // A loop that ends by a return inside it is clearer than a flag.
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      // `== null` asks for null and undefined at once, which records from both wire and store need.
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
    // Tests may reach for shortcuts that would be careless in the product; promises stay checked.
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
