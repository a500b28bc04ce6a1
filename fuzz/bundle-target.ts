// Bundles a fuzz target with all its imports, including dependencies, into one CommonJS file. Jazzer instruments only
// modules that are loaded with `require`.
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { spawnSync } from 'node:child_process';
import { targetFile } from './fuzz-targets.ts';

const external = ['better-sqlite3', 'pg', 'pino'];

/** Writes the bundle of a target into the folder and returns its path. Uses the bundler that vitest has installed. */
export function bundleTarget(name: string, folder: string): string {
  const bundle = path.join(folder, `${name}.cjs`);
  const fromVitest = createRequire(createRequire(import.meta.url).resolve('vitest/package.json'));
  const rolldown = createRequire(fromVitest.resolve('vite/package.json')).resolve('rolldown/package.json');
  const cli = path.join(path.dirname(rolldown), 'bin/cli.mjs');
  const options = ['--format', 'cjs', '--platform', 'node', '--file', bundle];
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    [cli, targetFile(name), ...options, ...external.flatMap((module) => ['--external', module])],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`${name} cannot be bundled:\n${stdout}\n${stderr}`);
  return bundle;
}
