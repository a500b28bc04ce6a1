// The command of the worker in the demo. For each job it clones this repository into a new folder, and makes the change
// that the job describes.
import { spawnSync } from 'node:child_process';
import { appendFileSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';

const root = path.resolve(import.meta.dirname, '../..');
const output = process.env['PROOFHOUSE_OUTPUT_DIR'] ?? '.';
const job = JSON.parse(readFileSync(process.env['PROOFHOUSE_JOB_FILE'] ?? '', 'utf8')) as { payload: { run?: string } };

const tasks: Readonly<Record<string, () => void>> = {
  lint: () => {
    run('node_modules/.bin/eslint', ['packages/core', '--format', 'json', '-o', path.join(output, 'lint.json')]);
  },
  test: () => {
    const report = `--outputFile.junit=${path.join(output, 'junit.xml')}`;
    run('node_modules/.bin/vitest', ['run', 'packages/core/', '--reporter=default', '--reporter=junit', report]);
  },
  change: () => {
    appendFileSync('CHANGELOG.md', `\nChecked on Node ${process.version} by a worker.\n`);
  },
};

run('git', ['clone', '--quiet', '--no-hardlinks', '--depth', '1', `file://${root}`, '.']);
symlinkSync(path.join(root, 'node_modules'), 'node_modules');
// The link to node_modules replaces an install. It must not be part of the diff.
appendFileSync('.git/info/exclude', 'node_modules\n');
const task = tasks[job.payload.run ?? ''];
if (task === undefined) throw new Error(`There is no task ${JSON.stringify(job.payload.run)}.`);
task();

function run(command: string, args: readonly string[]): void {
  console.log(`$ ${[command, ...args].join(' ')}`);
  const env = { ...process.env, PROOFHOUSE_ENGINES: 'off' };
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', env });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}
