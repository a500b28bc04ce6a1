// Blocks of real texts without a secret: lock files, sources, minified code, change logs, documentation, and the
// history of this repository up to a fixed commit. The lock file fixes the versions of the packages, so the texts are
// always the same.
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { makeSample, type Half, type Sample } from './sample.ts';

const root = path.resolve(import.meta.dirname, '../../..');
const linesPerBlock = 80;
const lastCommit = 'b258f3d';

/** Matches files that contain examples of secrets. They are omitted, because masking should find these examples. */
const aboutSecrets = /masking|secret-|\.test\.ts$|\.contract\.ts$|testing\//;

const groups: Readonly<Record<string, readonly string[]>> = {
  'real lock files': ['package-lock.json', 'node_modules/uri-js/yarn.lock'],
  'real documentation': ['README.md', 'docs/*.md', 'docs/reference/*.md', 'node_modules/{acorn,qs,yargs}/CHANGELOG.md'],
  'real sources': ['packages/{core,client,cli}/src/**/*.ts', 'packages/web/src/**/*.{ts,tsx,css}'],
  'real minified code': ['node_modules/katex/dist/katex.min.{js,css}', 'node_modules/@lukeed/ms/dist/index.min.js'],
  'real source maps': ['node_modules/pg-protocol/dist/*.js.map'],
};

export function realSamples(half: Half): Sample[] {
  const files = Object.entries(groups).flatMap(([family, patterns]) =>
    patterns
      .flatMap((pattern) => globSync(pattern, { cwd: root }).sort())
      .filter((file) => !aboutSecrets.test(file) && statSync(path.join(root, file)).isFile())
      .map((file) => ({ family, file, text: readFileSync(path.join(root, file), 'utf8') })),
  );
  const history = { family: 'real git log -p', file: 'history.diff', text: gitHistory() };
  return [...files, history].flatMap(({ family, file, text }) =>
    blocks(text)
      .filter((_, index) => (index % 2 === 0) === (half === 'development'))
      .map((block) =>
        makeSample({ half, class: 'look-alike', family, context: file, file: path.basename(file) }, block),
      ),
  );
}

function blocks(text: string): string[] {
  const lines = text.split('\n');
  const count = Math.ceil(lines.length / linesPerBlock);
  return Array.from({ length: count }, (_, index) =>
    lines.slice(index * linesPerBlock, (index + 1) * linesPerBlock).join('\n'),
  ).filter((block) => block !== '');
}

/**
 * Returns the changes of 60 commits, without tests. Returns an empty text in a clone whose history does not contain these
 * commits.
 */
function gitHistory(): string {
  const excluded = [':!*.test.ts', ':!*.contract.ts', ':!*testing/*', ':!package-lock.json'];
  try {
    const args = ['log', '-p', '--no-color', '-60', lastCommit, '--', '.', ...excluded];
    return execFileSync('git', args, {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return '';
  }
}
