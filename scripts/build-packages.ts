// Builds the packages as npm would publish them. dist/npm/<package>/ contains the compiled JavaScript, its declarations
// and a package.json that refers to them. Inside the repository, packages run from their sources. So this script checks
// that an installed package works: plain Node loads each built entry from a temporary folder outside the repository.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { isPlain, publishedManifest } from './build/published-manifest.ts';
import type { PackageManifest, PublishedManifest } from './build/published-manifest.ts';

const root = path.resolve(import.meta.dirname, '..');
const output = path.join(root, 'dist', 'npm');

interface BuiltPackage {
  readonly folder: string;
  readonly name: string;
  readonly source: string;
  readonly manifest: PublishedManifest;
}

function main(): void {
  const typescript = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const compiler = spawnSync(process.execPath, [typescript, '-b'], { cwd: root, stdio: 'inherit' });
  if (compiler.status !== 0) process.exit(compiler.status ?? 1);
  rmSync(output, { recursive: true, force: true });
  const built = readdirSync(path.join(root, 'packages')).map(layOut);
  verify(built);
  process.stdout.write(`built and loaded ${built.length} packages in dist/npm/\n`);
}

function layOut(folder: string): BuiltPackage {
  const source = path.join(root, 'packages', folder);
  const target = path.join(output, folder);
  const original = JSON.parse(readFileSync(path.join(source, 'package.json'), 'utf8')) as PackageManifest;
  const manifest = publishedManifest(original);
  mkdirSync(target, { recursive: true });
  writeFileSync(path.join(target, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  copyFileSync(path.join(root, 'LICENSE'), path.join(target, 'LICENSE'));
  if (existsSync(path.join(source, 'README.md')))
    copyFileSync(path.join(source, 'README.md'), path.join(target, 'README.md'));
  // Lists the source folder, because the output folder of the compiler may still contain files of sources that were
  // deleted.
  for (const file of globSync('**/*.*', { cwd: path.join(source, 'src') })) copyCompiled(file, source, target);
  for (const command of Object.values(manifest.bin ?? {})) {
    if (isPlain(command)) copyPlainCommand(command, source, target);
    chmodSync(path.join(target, command), 0o755);
  }
  return { folder, name: original.name, source, manifest };
}

function copyPlainCommand(command: string, source: string, target: string): void {
  const text = readFileSync(path.join(source, command), 'utf8');
  mkdirSync(path.dirname(path.join(target, command)), { recursive: true });
  writeFileSync(path.join(target, command), text.replaceAll(/'\.\.\/src\/([^']+)\.ts'/g, "'../dist/$1.js'"));
}

/**
 * Copies the compiled files of one source file. A test is skipped. A file that is not TypeScript (a page, SQL
 * statements) is copied unchanged.
 */
function copyCompiled(file: string, source: string, target: string): void {
  if (/\.(test|e2e)\.tsx?$/.test(file)) return;
  const stem = file.replace(/\.tsx?$/, '');
  const outputs =
    stem === file ? [path.join('src', file)] : ['.js', '.d.ts'].map((end) => path.join('dist', stem + end));
  for (const from of outputs) {
    const to = path.join(target, from.replace(/^src/, 'dist'));
    mkdirSync(path.dirname(to), { recursive: true });
    copyFileSync(path.join(source, from), to);
  }
  if (stem !== file)
    dropSourceMapLine(path.join(target, 'dist', `${stem}.js`), path.join(target, 'dist', `${stem}.d.ts`));
}

/** Removes comments that refer to source maps, because source maps are not published. */
function dropSourceMapLine(...files: readonly string[]): void {
  for (const file of files) {
    writeFileSync(file, readFileSync(file, 'utf8').replace(/\n\/\/# sourceMappingURL=.*\n?$/, '\n'));
  }
}

function verify(built: readonly BuiltPackage[]): void {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'proofhouse-built-'));
  try {
    installInto(folder, built);
    for (const each of built) load(each, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Copies the packages of this repository into node_modules, as an install would, and links its third-party packages.
 */
function installInto(folder: string, built: readonly BuiltPackage[]): void {
  const modules = path.join(folder, 'node_modules');
  mkdirSync(path.join(modules, '@proofhouse'), { recursive: true });
  for (const name of readdirSync(path.join(root, 'node_modules'))) {
    if (name !== '@proofhouse' && !name.startsWith('.'))
      symlinkSync(path.join(root, 'node_modules', name), path.join(modules, name));
  }
  for (const each of built) {
    const place = path.join(modules, each.name);
    cpSync(path.join(output, each.folder), place, { recursive: true });
    const nested = path.join(each.source, 'node_modules');
    if (existsSync(nested)) symlinkSync(nested, path.join(place, 'node_modules'));
  }
}

function load(built: BuiltPackage, folder: string): void {
  const commands = Object.values(built.manifest.bin ?? {});
  for (const command of commands) {
    run(['node_modules', built.name, command].join('/'), ['--help'], folder);
  }
  for (const [entry, target] of Object.entries(built.manifest.exports)) {
    if (!existsSync(path.join(output, built.folder, target.default)))
      throw new Error(`${built.name}: ${target.default} is missing`);
    // Skips commands, because importing a command runs it. Skips contract suites, because they need a test runner.
    if (commands.includes(target.default) || target.default.endsWith('.contract.js')) continue;
    const script = path.join(folder, 'load.mjs');
    writeFileSync(script, `await import(${JSON.stringify(path.posix.join(built.name, entry))});\n`);
    run(script, [], folder);
  }
}

function run(script: string, args: readonly string[], cwd: string): void {
  // Type stripping is off. So a path to a TypeScript source fails here, and not only for users of the package.
  execFileSync(process.execPath, ['--no-experimental-strip-types', script, ...args], {
    cwd,
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: 60_000,
  });
}

main();
