// Installs the packages when node_modules does not match the lock file. Runs before `npm start`, `npm test` and other
// commands, so that a fresh clone needs no separate install and no command runs with outdated packages after a pull.
// Plain JavaScript without dependencies, because it runs on the Node of the machine before anything is installed.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const minimumToInstall = [20, 0];
const minimumToRun = [22, 18];
const lockWaitMs = 10 * 60_000;

const [major, minor] = versionParts(process.versions.node);
if (!atLeast([major, minor], minimumToInstall)) {
  fail(
    `Proofhouse installs with Node 20 or newer; this is Node ${process.versions.node}. Install Node 24 and run again.`,
  );
}
if (!isInstalled()) withInstallLock(() => isInstalled() || install());
checkNode();

/**
 * Returns true if the list that npm wrote into node_modules matches the lock file. The comparison is exact, and fast
 * enough for every start.
 */
function isInstalled() {
  const wanted = readPackages(path.join(root, 'package-lock.json'));
  const found = readPackages(path.join(root, 'node_modules', '.package-lock.json'));
  if (wanted === undefined) fail('package-lock.json is missing or unreadable. Restore it with git and run again.');
  if (found === undefined) return false;
  return Object.entries(wanted).every(([place, entry]) => place === '' || isSatisfied(place, entry, found[place]));
}

/**
 * Returns true if a package is installed in the wanted version. An optional package may be missing, because it may be
 * for another operating system.
 */
function isSatisfied(place, wanted, found) {
  if (wanted.link === true) return existsSync(path.join(root, place));
  if (!place.includes('node_modules/')) return true;
  if (found === undefined) return wanted.optional === true || wanted.devOptional === true;
  return found.version === wanted.version;
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/**
 * Runs `npm ci`. Install scripts are disabled: no package here needs one, and the Postgres launcher creates its own
 * links.
 */
function install() {
  say('installing the packages named in package-lock.json (npm ci)');
  const flags = ['ci', '--ignore-scripts', '--include=dev', '--include=optional', '--loglevel=error'];
  const npm = npmCommand();
  const result = spawnSync(npm.command, [...npm.args, ...flags], {
    cwd: root,
    stdio: ['ignore', process.stderr, process.stderr],
    env: environmentForNpm(),
    shell: npm.shell,
  });
  if (result.error !== undefined) fail(`npm could not be started: ${result.error.message}. Put npm on the PATH.`);
  if (result.status !== 0)
    fail(`npm ci failed (${result.signal ?? `exit code ${result.status}`}); its reason is above.`);
}

/**
 * Returns the npm to call. If npm runs this script, this is the same npm. If the script was started directly with `node
 * scripts/…`, it is the npm on the PATH.
 */
function npmCommand() {
  const running = process.env.npm_execpath;
  if (running !== undefined && /npm-cli\.c?js$/.test(running)) {
    return { command: process.execPath, args: [running], shell: false };
  }
  return { command: 'npm', args: [], shell: process.platform === 'win32' };
}

/**
 * Returns the environment without node_modules/.bin on the PATH. `npm ci` deletes node_modules, so it must not run on
 * the Node in that folder.
 */
function environmentForNpm() {
  const own = path.join(root, 'node_modules', '.bin');
  const places = (process.env.PATH ?? '').split(path.delimiter).filter((place) => path.resolve(place) !== own);
  return { ...process.env, PATH: places.join(path.delimiter) };
}

/**
 * Runs the action under a lock (a folder), so that two commands started at once on a fresh clone do not delete each
 * other's packages. The second command waits.
 */
function withInstallLock(action) {
  const lock = path.join(root, '.cache', 'install.lock');
  mkdirSync(path.dirname(lock), { recursive: true });
  const giveUpAt = Date.now() + lockWaitMs;
  while (!takeLock(lock)) {
    if (Date.now() > giveUpAt)
      fail(`another install holds ${lock} for too long. If none is running, delete that folder.`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
  }
  process.on('exit', () => rmSync(lock, { recursive: true, force: true }));
  action();
}

function takeLock(lock) {
  try {
    mkdirSync(lock);
    writeFileSync(path.join(lock, 'pid'), String(process.pid));
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (isAbandoned(lock)) rmSync(lock, { recursive: true, force: true });
    return false;
  }
}

function isAbandoned(lock) {
  let holder;
  try {
    holder = Number(readFileSync(path.join(lock, 'pid'), 'utf8'));
  } catch {
    return false;
  }
  try {
    process.kill(holder, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

/**
 * Exits with a message unless a suitable Node is available: the pinned Node in node_modules/.bin, which npm scripts
 * find first, or the Node of the machine if none is pinned for this system.
 */
function checkNode() {
  const pinned = path.join(root, 'node_modules', '.bin', 'node');
  const needed = minimumToRun.join('.');
  if (!existsSync(pinned)) {
    if (atLeast(versionParts(process.versions.node), minimumToRun)) return;
    fail(
      `Proofhouse runs on Node ${needed} or newer; this is Node ${process.versions.node}, and the repository pins ` +
        `no Node for ${process.platform}-${process.arch}. Install Node 24 and run again.`,
    );
  }
  const version = versionOf(pinned);
  if (version !== undefined && atLeast(versionParts(version), minimumToRun)) return;
  fail(
    version === undefined
      ? `the pinned Node (node_modules/.bin/node) does not run on this system. Install Node ${needed} or newer, ` +
          'delete node_modules/.bin/node and run again.'
      : `node_modules/.bin/node is Node ${version}, but ${needed} or newer is needed. Delete node_modules and run again.`,
  );
}

function versionOf(binary) {
  if (realpathSync(binary) === realpathSync(process.execPath)) return process.versions.node;
  const result = spawnSync(binary, ['--version'], { encoding: 'utf8' });
  return result.status === 0 ? result.stdout.trim().replace(/^v/, '') : undefined;
}

function versionParts(version) {
  return version.split('.').slice(0, 2).map(Number);
}

function atLeast([major, minor], [wantedMajor, wantedMinor]) {
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

function say(sentence) {
  process.stderr.write(`proofhouse: ${sentence}\n`);
}

function fail(sentence) {
  say(sentence);
  process.exit(1);
}
