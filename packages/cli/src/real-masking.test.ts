// Sends secrets from the machine of a worker to a real server in every way. Then searches for them in everything that
// the server stores, answers and logs, and in everything that the commands print.
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { addedValue, deployToken, secretForms, shownSecrets } from '@proofhouse/client/testing/secret-forms';
import { maskPlaceholder } from '@proofhouse/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RealServer } from './testing/real-server.ts';
import { runEntry } from './testing/run-entry.ts';
import { secretSinks, type SinkSite } from './testing/secret-sinks.ts';
import { shownInFiles } from './testing/shown-in-files.ts';

const entry = path.resolve(import.meta.dirname, '../bin/proofhouse.js');
const texts = secretForms.map(({ text }) => text);

let server: RealServer;
let folder: string;
let site: SinkSite;

beforeAll(async () => {
  const experimentId = 'exp_01jd7v6m5x0000000000000000';
  server = await RealServer.start({ PROOFHOUSE_EXPERIMENT: experimentId, PROOFHOUSE_LOG_LEVEL: 'debug' });
  folder = await mkdtemp(path.join(tmpdir(), 'real-masking-'));
  site = { url: server.url, adminToken: server.adminToken, experimentId, folder };
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

test.each(Object.entries(secretSinks))(
  'no secret that is sent by %s is in clear in an answer, an output, a log or a file of the server',
  async (_name, send) => {
    const { shown, sentSecrets } = await send(site);
    expect(shown.split(maskPlaceholder).length).toBeGreaterThan(sentSecrets);
    expect(shownSecrets(shown)).toEqual([]);
    expect(await shownInFiles(server.folder)).toEqual([]);
    expect(server.log).toContain('"');
    expect(shownSecrets(server.log)).toEqual([]);
  },
);

test('the search finds secrets in clear, also in a compressed file', async () => {
  const place = await mkdtemp(path.join(folder, 'search-'));
  await writeFile(path.join(place, 'plain'), texts[0] ?? '');
  await writeFile(path.join(place, 'packed'), gzipSync(texts[1] ?? ''));
  const shown = await shownInFiles(place);
  expect(shown.map((line) => line.split(': ')[1])).toEqual(
    expect.arrayContaining([secretForms[0]?.name, secretForms[1]?.name]),
  );
});

test('mask filter masks a stream, passes other bytes unchanged and prints what it masked', async () => {
  const input = Buffer.concat([Buffer.from([0, 255, 254]), Buffer.from(`${texts.join('\n')}\n`), Buffer.from([0xc3])]);
  const env = { DEPLOY_TOKEN: deployToken, SHORT_TOKEN: 'abc', PROOFHOUSE_MASK_FILE: path.join(folder, 'mask') };
  const added = await runEntry(['mask', 'add', '--json'], { env, input: addedValue });
  expect(added).toMatchObject({ code: 0, stdout: '{"added":true}\n', stderr: '' });
  const { code, stdout, stderr } = await runEntry(['mask', 'filter', '--json'], { env, input });
  expect(code).toBe(0);
  expect(shownSecrets(stdout + stderr)).toEqual([]);
  expect(JSON.parse(stderr)).toMatchObject({
    masked: expect.arrayContaining([{ rule: 'github-token', count: 1 }]) as unknown,
    tooShort: ['SHORT_TOKEN'],
  });
  const bytes = Buffer.from(Array.from({ length: 1000 }, (_, at) => (at * 7) % 256));
  const copy = path.join(folder, 'copy');
  execFileSync('sh', ['-c', `"${process.execPath}" "${entry}" mask filter > "${copy}"`], {
    input: bytes,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  expect((await readFile(copy)).equals(bytes)).toBe(true);
});

test('mask add needs a file and a value, and says when a value is too short', async () => {
  expect(await runEntry(['mask', 'add'], { input: 'some-value' })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('PROOFHOUSE_MASK_FILE is not set') as unknown,
  });
  const env = { PROOFHOUSE_MASK_FILE: path.join(folder, 'other-mask') };
  expect(await runEntry(['mask', 'add'], { env, input: '\n' })).toMatchObject({ code: 2 });
  expect(await runEntry(['mask', 'add'], { env, input: 'abc\n' })).toMatchObject({
    code: 0,
    stderr: 'proofhouse: The value is not masked: it is too short.\n',
  });
});

test('mask filter ends quietly when its reader does', () => {
  const line = `yes | head -c 3000000 | "${process.execPath}" "${entry}" mask filter | head -c 3; echo " \${PIPESTATUS[2]}"`;
  const said = execFileSync('bash', ['-c', line], { stdio: ['ignore', 'pipe', 'pipe'] });
  expect(said.toString()).toBe('y\ny 0\n');
});

// Last, because it stores a secret.
test('artifact list and job get name the secrets that the server found, without their values', async () => {
  const [form] = secretForms;
  const [secret = ''] = form?.secrets ?? [];
  const env = { PROOFHOUSE_URL: site.url, PROOFHOUSE_TOKEN: site.adminToken };
  const payload = JSON.stringify({ text: form?.text });
  const created = await runEntry(['job', 'create', '--type', 'exec', '--payload', payload, '--json'], { env });
  const { id } = JSON.parse(created.stdout) as { id: string };
  const push = ['artifact', 'push', id, '-', '--name', 'in.txt', '--no-mask'];
  expect((await runEntry(push, { env, input: `x ${form?.text}` })).code).toBe(0);
  const listed = await runEntry(['artifact', 'list', id], { env });
  expect(listed.stdout).toMatch(/^Secrets in in\.txt: content: \S+ at byte \d+$/m);
  expect(listed.stdout).not.toContain(secret);
  expect((await runEntry(['job', 'get', id], { env })).stdout).toMatch(/^secrets +payload: \S+ at byte \d+$/m);
});
