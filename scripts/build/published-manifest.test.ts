import { expect, it } from 'vitest';
import { publishedManifest } from './published-manifest.ts';

it('a published package points at compiled files and has no development entries', () => {
  const published = publishedManifest({
    name: '@proofhouse/x',
    type: 'module',
    exports: { '.': './src/index.ts', './worker': './src/worker/index.ts' },
    bin: { x: './src/main.ts' },
    dependencies: { zod: '4.0.0' },
    devDependencies: { vitest: '5.0.0' },
  });
  expect(published).toEqual({
    name: '@proofhouse/x',
    type: 'module',
    engines: { node: '>=22.18' },
    files: ['dist'],
    exports: {
      '.': { types: './dist/index.d.ts', default: './dist/index.js' },
      './worker': { types: './dist/worker/index.d.ts', default: './dist/worker/index.js' },
    },
    bin: { x: './dist/main.js' },
    dependencies: { zod: '4.0.0' },
  });
});

it('an entry that is not a TypeScript source is refused', () => {
  const manifest = { name: 'x', type: 'module', exports: { '.': './dist/index.js' } };
  expect(() => publishedManifest(manifest)).toThrow(/under \.\/src/);
});
