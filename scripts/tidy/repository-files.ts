// Lists the files of the repository: those that git tracks, and new files that are not ignored. With new files, the
// tidy test has the same result before and after a commit.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '../..');

export interface RepositoryFile {
  /** Path relative to the root of the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

const textual = /\.(ts|tsx|js|mjs|cjs|json|jsonc|md|sh|yml|yaml|html|css|sql|txt)$|^\.(npmrc|ci\/)|(^|\/)Dockerfile$/;

export function repositoryFiles(): readonly RepositoryFile[] {
  const list = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
  const output = execFileSync('git', list, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  return [...new Set(output.split('\0'))]
    .filter((file) => textual.test(file) && existsSync(path.join(root, file)))
    .map((file) => ({ path: file, text: readFileSync(path.join(root, file), 'utf8') }));
}

export function isTypeScript(file: RepositoryFile): boolean {
  return /\.tsx?$/.test(file.path) && !file.path.endsWith('.d.ts');
}

/** Returns true for tests and contract suites. These are lists of cases, so the size limits do not apply. */
export function isTest(file: RepositoryFile): boolean {
  return /\.(test|e2e|contract)\.tsx?$|(^|\/)(testing|test)\//.test(file.path);
}
