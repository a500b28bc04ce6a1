// Runs a worker against a real server. Then searches everything that the server stores for the secrets of the job.
import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ProofhouseClient } from '@proofhouse/client';
import { addedValue, deployToken, secretForms, shownSecrets } from '@proofhouse/client/testing/secret-forms';
import { runWorker } from '@proofhouse/client/worker';
import { maskPlaceholder } from '@proofhouse/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RealServer } from './testing/real-server.ts';
import { compileCache, runEntry } from './testing/run-entry.ts';

const entry = path.resolve(import.meta.dirname, '../bin/proofhouse.js');
const texts = secretForms.map(({ text }) => text);

let server: RealServer;
let folder: string;
let token: string;
let client: ProofhouseClient;

beforeAll(async () => {
  server = await RealServer.start();
  folder = await mkdtemp(path.join(tmpdir(), 'real-masking-'));
  client = new ProofhouseClient({ url: server.url, token: server.adminToken });
  token = (await client.workerTokens.create({ workerId: 'worker-1' })).token;
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** Returns the secrets that are found in any file below the data folder: database, WAL, blobs, job view. */
async function shownInData(): Promise<string[]> {
  const shown: string[] = [];
  for (const file of await readdir(server.folder, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue;
    const place = path.join(file.parentPath, file.name);
    shown.push(...[place, await readFile(place)].flatMap(shownSecrets).map((one) => `${place}: ${one}`));
  }
  return shown;
}

/** Returns everything that the API shows of a job, as one text. */
async function jobAsText(jobId: string): Promise<string> {
  const parts: unknown[] = [await client.jobs.get(jobId), await client.jobs.events(jobId)];
  for await (const artifact of client.artifacts.each(jobId)) {
    const { body } = await client.artifacts.download(jobId, artifact.id);
    parts.push(artifact, await new Response(body).text());
  }
  return parts.map((part) => (typeof part === 'string' ? part : JSON.stringify(part))).join('\n');
}

// The script writes each text to standard output and to a file, first in two pieces, then byte by byte. The position
// between the two pieces is different for each text. At the end the script edits a file of the repository.
const script = `
  import { appendFileSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
  const texts = JSON.parse(readFileSync(process.argv[2], 'utf8'));
  const file = process.env.PROOFHOUSE_OUTPUT_DIR + '/out.txt';
  const write = (bytes) => { writeSync(1, bytes); appendFileSync(file, bytes); };
  for (const [at, text] of texts.entries()) {
    const bytes = Buffer.from('\\n' + text + '\\n');
    const cut = 1 + (at * 7) % (bytes.length - 1);
    write(bytes.subarray(0, cut));
    write(bytes.subarray(cut));
    for (const byte of bytes) write(Buffer.from([byte]));
  }
  writeFileSync('tracked.txt', texts.join('\\n') + '\\n');
  writeFileSync(process.env.PROOFHOUSE_OUTPUT_DIR + '/' + texts.length + '.json', JSON.stringify({ texts }));
  process.exitCode = Number(process.argv[3]);
`;

async function runOnce(exitCode: number) {
  const repository = await mkdtemp(path.join(folder, 'repository-'));
  const run = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=n', '-c', 'user.email=e@example.com', ...args], { cwd: repository });
  run('init', '-q');
  await writeFile(path.join(repository, 'tracked.txt'), 'nothing\n');
  run('add', '.');
  run('commit', '-qm', 'first');
  const inputs = await mkdtemp(path.join(folder, 'inputs-'));
  await writeFile(path.join(inputs, 'texts.json'), JSON.stringify(texts));
  await writeFile(path.join(inputs, 'added'), `${addedValue}\n`);
  await writeFile(path.join(inputs, 'write.mjs'), script);
  const job = await client.jobs.create({ type: 'exec' });
  const env = {
    PATH: `${path.dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
    PROOFHOUSE_URL: server.url,
    PROOFHOUSE_TOKEN: token,
    DEPLOY_TOKEN: deployToken,
    NODE: process.execPath,
    ENTRY: entry,
    INPUTS: inputs,
    ...compileCache,
  };
  const command = `"$NODE" "$ENTRY" mask add < "$INPUTS/added" && exec "$NODE" "$INPUTS/write.mjs" "$INPUTS/texts.json" ${exitCode}`;
  const args = ['work', '--once', '--work-root', path.join(folder, 'root'), '--', 'sh', '-c', command];
  const { code, stdout, stderr } = await runEntry(args, { cwd: repository, env });
  return { code, stdout, stderr, job: await client.jobs.get(job.id) };
}

test('no secret of a job that succeeds is shown by the server, its files or the worker', async () => {
  const { code, stdout, stderr, job } = await runOnce(0);
  expect(job.errorMessage).toBe(null);
  expect(code).toBe(0);
  const text = await jobAsText(job.id);
  for (const name of ['log.log', 'out.txt', 'diff.diff', 'diffs.json', `${texts.length}.json`])
    expect(text).toContain(name);
  expect(text).toContain('{"rule":"known:DEPLOY_TOKEN","count":');
  expect(shownSecrets([text, stdout, stderr].join('\n'))).toEqual([]);
  expect(await shownInData()).toEqual([]);
});

test('no secret of a job that fails is shown, also not in its error message', async () => {
  const { code, stdout, stderr, job } = await runOnce(3);
  expect(code).toBe(1);
  expect(job.errorMessage).toContain(maskPlaceholder);
  expect(shownSecrets([await jobAsText(job.id), stdout, stderr].join('\n'))).toEqual([]);
  expect(await shownInData()).toEqual([]);
});

test('no secret in events, titles, metadata or results of a handler is shown', async () => {
  const job = await client.jobs.create({ type: 'exec' });
  const messages: string[] = [];
  const report = await runWorker({
    client: new ProofhouseClient({ url: server.url, token }),
    env: { DEPLOY_TOKEN: deployToken },
    cwd: folder,
    workRoot: path.join(folder, 'root'),
    once: true,
    log: ({ message }) => messages.push(message),
    handlers: {
      exec: async (_job, ctx) => {
        ctx.addSecret(addedValue);
        for (const [at, text] of texts.entries()) {
          ctx.note(`note ${text}`.slice(0, 2000), { payload: { text } });
          const about = { title: text.replace(/\s+/g, ' ').slice(0, 150), metadata: { text, [`key ${at}`]: [text] } };
          await ctx.deposit(`${at}.txt`, text, about);
          await ctx.deposit(`name-${text.replaceAll('\n', ' ').slice(0, 200)}`, 'x').catch(() => undefined);
        }
        throw new Error(texts.join('\n').slice(0, 6000));
      },
    },
  });
  expect(report.failed).toBe(1);
  const text = await jobAsText(job.id);
  expect(text.split(maskPlaceholder).length).toBeGreaterThan(4 * texts.length);
  expect(shownSecrets([text, ...messages].join('\n'))).toEqual([]);
  expect(await shownInData()).toEqual([]);
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
