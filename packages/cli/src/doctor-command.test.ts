import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { RealServer } from './testing/real-server.ts';
import { runInProcess } from './testing/run-in-process.ts';

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'doctor-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test('before the first start everything is looked at, what will be made is named, and nothing is made', async () => {
  const folder = await emptyFolder();
  const { code, stdout } = await runInProcess(['doctor', '--data-dir', folder]);
  expect(code).toBe(0);
  expect(stdout.split('\n').map((line) => line.slice(0, 16).trim())).toEqual([
    'ok     settings',
    'note   database',
    'ok     clock',
    'note   folders',
    'ok     modes',
    'note   blobs',
    'note   lasting',
    'ok     retention',
    'ok     quota',
    '',
  ]);
  expect(stdout).toContain(`will be made by the first start at ${path.join(folder, 'proofhouse.db')}.`);
  expect(stdout).toContain(`will be made by the first start at ${path.join(folder, 'blobs')}.`);
  expect(stdout).toContain(path.join(folder, 'artifacts', 'agent_jobs'));
  expect(stdout).toMatch(/^ok +settings +Mode local, would listen on 127.0.0.1:8750.$/m);
  expect(await readdir(folder)).toEqual([]);

  const missing = path.join(folder, 'a', 'b');
  expect((await runInProcess(['doctor', '--data-dir', missing])).code).toBe(0);
  expect(await readdir(folder)).toEqual([]);
});

test.each([
  ['where the system makes no folders', () => '/proc/nope'],
  ['that is a file', (folder: string) => path.join(folder, 'file')],
  ['below a file', (folder: string) => path.join(folder, 'file', 'inner')],
  ['that is a link to nowhere', (folder: string) => path.join(folder, 'link')],
])('a data folder %s is wrong in every line that needs it', async (_what, place) => {
  const folder = await emptyFolder();
  await writeFile(path.join(folder, 'file'), '');
  await symlink(path.join(folder, 'nowhere'), path.join(folder, 'link'));
  const { code, stdout } = await runInProcess(['doctor', '--data-dir', place(folder)]);
  expect(code).toBe(1);
  for (const name of ['database', 'folders', 'blobs'])
    expect(stdout).toMatch(new RegExp(`^wrong +${name} +The folder .* cannot be used \\(E.*--data-dir`, 'm'));
  expect(stdout).not.toMatch(/loses nothing|first start/);
  expect((await readdir(folder)).toSorted()).toEqual(['file', 'link']);
});

test('a blob folder that no start has laid out is left as it is', async () => {
  const folder = await emptyFolder();
  await mkdir(path.join(folder, 'blobs'));
  const { code, stdout } = await runInProcess(['doctor', '--data-dir', folder]);
  expect(code).toBe(0);
  expect(stdout).toContain(`will be laid out by the first start in ${path.join(folder, 'blobs')}.`);
  expect(await readdir(folder, { recursive: true })).toEqual(['blobs']);
});

test('beside a running server it says that the file is in use and looks at the rest; the server goes on', async () => {
  const server = await RealServer.start();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const look = () => runInProcess(['doctor', '--data-dir', server.folder]);
  const { code, stdout } = await look();
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^ok +database +sqlite \(\/.*proofhouse.db\), schema \S+, as this version has it. A running server has the file open.$/m,
  );
  expect(stdout).toMatch(/^ok +blobs +filesystem \(\/.*blobs\): bytes can be stored, read and removed.$/m);
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  await server.stop();
  const before = await readdir(server.folder, { recursive: true });
  expect((await look()).stdout).not.toContain('running server');
  expect((await readdir(server.folder, { recursive: true })).toSorted()).toEqual(before.toSorted());
});

test('what is wrong is said in its line, the rest is looked at, and it exits with 1', async () => {
  const folder = await emptyFolder();
  const env = { AGENT_JOB_ARTIFACT_ROOT: path.join(folder, 'blobs') };
  const overlapping = await runInProcess(['doctor', '--data-dir', folder, '--json'], { env });
  expect(overlapping.code).toBe(1);
  const lines = overlapping.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { name: string; outcome: string });
  expect(lines.filter(({ outcome }) => outcome === 'wrong').map(({ name }) => name)).toEqual(['folders']);

  const unreachable = ['doctor', '--data-dir', folder, '--database-url', 'postgres://user:hunter2@127.0.0.1:1/x'];
  const answer = await runInProcess([...unreachable, '--grant-readonly', 'reader']);
  expect(answer.code).toBe(1);
  expect(answer.stdout).toMatch(
    /^wrong +database +The Postgres database 127\.0\.0\.1:1\/x cannot be reached \(ECONNREFUSED\)\.$/m,
  );
  expect(answer.stdout).toMatch(/^wrong +grant .*nothing was granted/m);
  expect(answer.stdout + answer.stderr).not.toContain('hunter2');

  const misspelt = await runInProcess(['doctor'], { env: { PROOFHOUSE_DATADIR: folder } });
  expect(misspelt).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^wrong +settings .*PROOFHOUSE_DATA_DIR\?\n$/),
  });
  const roles = await runInProcess(['doctor', '--data-dir', folder, '--grant-readonly', 'reader']);
  expect(roles).toMatchObject({ code: 1, stdout: expect.stringMatching(/^wrong +grant +Only Postgres has roles/m) });
  expect(existsSync(path.join(folder, 'proofhouse.db'))).toBe(false);
});
