import { execFileSync } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ProofhouseClient } from '@proofhouse/client';
import { addedValue, deployToken, secretForms } from '@proofhouse/client/testing/secret-forms';
import { runWorker } from '@proofhouse/client/worker';
import type { Job } from '@proofhouse/core';
import { callTools } from './call-tools.ts';
import { compileCache, runEntry, type Run } from './run-entry.ts';

/** A server with an experiment, and a folder for the files of a test. */
export interface SinkSite {
  readonly url: string;
  readonly adminToken: string;
  readonly experimentId: string;
  readonly folder: string;
}

/**
 * What became visible after a sink was used: the output of its processes, and everything that the API returns about the
 * sent texts.
 */
export interface SinkTraces {
  readonly shown: string;
  /** Number of secrets that were sent. A secret counts once for each position at which its text was cut. */
  readonly sentSecrets: number;
}

const texts = secretForms.map(({ text }) => text);
const entry = path.resolve(import.meta.dirname, '../../bin/proofhouse.js');

/** Returns all positions at which a text can be cut into two pieces. */
function cutsOf(text: string): number[] {
  return Array.from({ length: Buffer.byteLength(text) - 1 }, (_, at) => at + 1);
}

const cutCount = texts.reduce((sum, text) => sum + cutsOf(text).length, 0);

/**
 * The sinks: all ways in which text leaves the machine of a worker. Each sends every text of `secretForms`. If a sink
 * accepts a stream, each text is sent in two pieces for every position of the cut, and then byte by byte.
 */
export const secretSinks: Readonly<Record<string, (site: SinkSite) => Promise<SinkTraces>>> = {
  'the log, diff and files of a command that succeeds': (site) => runCommand(site, { exitCode: 0, output: 1 }),
  'the log, diff and files of a command that fails': (site) => runCommand(site, { exitCode: 3, output: 2 }),
  'a handler': runHandler,
  'artifact push': pushFiles,
  'artifact deposit': depositFiles,
  'MCP tools': useTools,
};

function clientOf({ url, adminToken }: SinkSite): ProofhouseClient {
  return new ProofhouseClient({ url, token: adminToken });
}

let workers = 0;

async function workerToken(site: SinkSite): Promise<string> {
  workers += 1;
  return (await clientOf(site).workerTokens.create({ workerId: `worker-${workers}` })).token;
}

/** Creates a job that is claimed before all others. */
async function firstJob(site: SinkSite): Promise<Job> {
  return clientOf(site).jobs.create({ type: 'exec', priority: 1000 });
}

/** Returns everything that the API shows of a job, as one text. */
async function jobAsText(site: SinkSite, jobId: string): Promise<string> {
  const client = clientOf(site);
  const parts: unknown[] = [await client.jobs.get(jobId), await client.jobs.events(jobId)];
  for await (const artifact of client.artifacts.each(jobId)) {
    const { body } = await client.artifacts.download(jobId, artifact.id);
    parts.push(artifact, await new Response(body).text());
  }
  return parts.map((part) => (typeof part === 'string' ? part : JSON.stringify(part))).join('\n');
}

// Writes each text to the given output and to a file, in two pieces for every position of the cut, then byte by byte.
// It pauses between two pieces, so that the worker usually reads them one by one. At the end it edits a file of the
// repository.
const script = `
  import { appendFileSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
  const [, , inputs, exitCode, output] = process.argv;
  const texts = JSON.parse(readFileSync(inputs, 'utf8'));
  const folder = process.env.PROOFHOUSE_OUTPUT_DIR;
  const never = new Int32Array(new SharedArrayBuffer(4));
  const write = (bytes) => writeSync(Number(output), bytes);
  for (const text of texts) {
    const bytes = Buffer.from('\\n' + text + '\\n');
    for (let cut = 2; cut < bytes.length - 1; cut += 1) {
      write(bytes.subarray(0, cut));
      Atomics.wait(never, 0, 0, 0.5);
      write(bytes.subarray(cut));
    }
    for (const byte of bytes) write(Buffer.from([byte]));
    appendFileSync(folder + '/out.txt', bytes);
  }
  writeFileSync('tracked.txt', texts.join('\\n') + '\\n');
  writeFileSync(folder + '/' + texts.length + '.json', JSON.stringify({ texts }));
  process.exitCode = Number(exitCode);
`;

async function runCommand(
  site: SinkSite,
  { exitCode, output }: { readonly exitCode: number; readonly output: 1 | 2 },
): Promise<SinkTraces> {
  const repository = await mkdtemp(path.join(site.folder, 'repository-'));
  const run = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=n', '-c', 'user.email=e@example.com', ...args], { cwd: repository });
  run('init', '-q');
  await writeFile(path.join(repository, 'tracked.txt'), 'nothing\n');
  run('add', '.');
  run('commit', '-qm', 'first');
  const inputs = await mkdtemp(path.join(site.folder, 'inputs-'));
  await writeFile(path.join(inputs, 'texts.json'), JSON.stringify(texts));
  await writeFile(path.join(inputs, 'added'), `${addedValue}\n`);
  await writeFile(path.join(inputs, 'write.mjs'), script);
  const job = await firstJob(site);
  const env = {
    PATH: `${path.dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
    PROOFHOUSE_URL: site.url,
    PROOFHOUSE_TOKEN: await workerToken(site),
    DEPLOY_TOKEN: deployToken,
    NODE: process.execPath,
    ENTRY: entry,
    INPUTS: inputs,
    ...compileCache,
  };
  const command =
    '"$NODE" "$ENTRY" mask add < "$INPUTS/added" && ' +
    `exec "$NODE" "$INPUTS/write.mjs" "$INPUTS/texts.json" ${exitCode} ${output}`;
  const args = ['work', '--once', '--work-root', path.join(site.folder, 'root'), '--', 'sh', '-c', command];
  const { code, stdout, stderr } = await runEntry(args, { cwd: repository, env });
  const { status, errorMessage } = await clientOf(site).jobs.get(job.id);
  if (code !== (exitCode === 0 ? 0 : 1) || (status === 'succeeded') !== (exitCode === 0)) {
    throw new Error(`the job is ${status}: ${errorMessage ?? ''} ${stderr}`);
  }
  const shown = [await jobAsText(site, job.id), stdout, stderr].join('\n');
  for (const name of ['log.log', 'out.txt', 'diff.diff', 'diffs.json', `${texts.length}.json`]) {
    if (!shown.includes(`"${name}"`)) throw new Error(`there is no ${name}`);
  }
  // In the log, each text occurs once for each cut and once more. In the file, the diff and the JSON file, each text
  // occurs once.
  return { shown, sentSecrets: cutCount + 4 * texts.length };
}

async function runHandler(site: SinkSite): Promise<SinkTraces> {
  const job = await firstJob(site);
  const messages: string[] = [];
  await runWorker({
    client: new ProofhouseClient({ url: site.url, token: await workerToken(site) }),
    env: { DEPLOY_TOKEN: deployToken },
    cwd: site.folder,
    workRoot: path.join(site.folder, 'root'),
    once: true,
    log: ({ message }) => messages.push(message),
    handlers: {
      exec: async (_job, ctx) => {
        ctx.addSecret(addedValue);
        for (const [at, text] of texts.entries()) {
          ctx.note(`note ${text}`.slice(0, 2000), { payload: { text } });
          const about = { title: text.replace(/\s+/g, ' ').slice(0, 150), metadata: { text, [`key ${at}`]: [text] } };
          await ctx.deposit(`${at}.txt`, () => piecesOf(text), about);
          await ctx.deposit(`name-${text.replaceAll('\n', ' ').slice(0, 200)}`, 'x').catch(() => undefined);
        }
        throw new Error(texts.join('\n').slice(0, 6000));
      },
    },
  });
  const shown = [await jobAsText(site, job.id), ...messages].join('\n');
  if (!shown.includes(`"${texts.length - 1}.txt"`))
    throw new Error(`the handler did not send all: ${messages.join('\n')}`);
  // Each text was sent once for each cut, then byte by byte, and once in a message, a payload, a title and metadata.
  return { shown, sentSecrets: cutCount + 5 * texts.length };
}

async function* piecesOf(text: string): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  const lineEnd = Buffer.from('\n');
  for (const cut of cutsOf(text)) {
    yield bytes.subarray(0, cut);
    yield bytes.subarray(cut);
    yield lineEnd;
  }
  for (const byte of bytes) yield Buffer.of(byte);
  yield lineEnd;
}

/** Returns the environment for a command that sends files. The mask file in it contains `addedValue`. */
async function environmentOf(site: SinkSite, token: string): Promise<Record<string, string>> {
  const maskFile = path.join(site.folder, `mask-${token.slice(-8)}`);
  const env = {
    PROOFHOUSE_URL: site.url,
    PROOFHOUSE_TOKEN: token,
    PROOFHOUSE_EXPERIMENT: site.experimentId,
    DEPLOY_TOKEN: deployToken,
    PROOFHOUSE_MASK_FILE: maskFile,
  };
  requireSuccess(await runEntry(['mask', 'add'], { env, input: addedValue }));
  return env;
}

function requireSuccess(run: Run): string {
  if (run.code !== 0) throw new Error(run.stderr);
  return `${run.stdout}\n${run.stderr}`;
}

const allTexts = `${texts.join('\n')}\n`;

async function pushFiles(site: SinkSite): Promise<SinkTraces> {
  const env = await environmentOf(site, site.adminToken);
  const cwd = await mkdtemp(path.join(site.folder, 'push-'));
  const { id } = await clientOf(site).jobs.create({ type: 'exec' });
  await writeFile(path.join(cwd, 'all.txt'), allTexts);
  const push = async (args: readonly string[], input = '') =>
    requireSuccess(await runEntry(['artifact', 'push', id, ...args], { env, cwd, input }));
  const outputs = [
    await push(['all.txt', '--title', texts.join(' ').replace(/\s+/g, ' ').slice(0, 400)]),
    await push(['-', '--name', 'in.txt'], allTexts),
  ];
  return { shown: [...outputs, await jobAsText(site, id)].join('\n'), sentSecrets: 2 * texts.length };
}

async function depositFiles(site: SinkSite): Promise<SinkTraces> {
  const client = new ProofhouseClient({ url: site.url, token: site.adminToken, experimentId: site.experimentId });
  const worker = await client.experiment().registerWorker({ name: 'depositor' });
  const env = await environmentOf(site, `${worker.worker_id}:${worker.registration_token}`);
  const cwd = await mkdtemp(path.join(site.folder, 'deposit-'));
  await writeFile(path.join(cwd, 'all.txt'), allTexts);
  const outputs: string[] = [];
  for (const [file, input] of [
    ['all.txt', ''],
    ['-', allTexts],
  ] as const) {
    const run = await runEntry(['artifact', 'deposit', file], { env, cwd, input });
    const { body } = await client.experiment().fetch(run.stdout.trim());
    outputs.push(requireSuccess(run), await new Response(body).text());
  }
  return { shown: outputs.join('\n'), sentSecrets: 2 * texts.length };
}

async function useTools(site: SinkSite): Promise<SinkTraces> {
  const token = await workerToken(site);
  const env = await environmentOf(site, token);
  const cwd = await mkdtemp(path.join(site.folder, 'tools-'));
  await writeFile(path.join(cwd, 'all.txt'), allTexts);
  const { id: jobId } = await firstJob(site);
  const claimed = await new ProofhouseClient({ url: site.url, token }).jobs.claim();
  if (claimed?.id !== jobId) throw new Error('another job was claimed');
  const job = { jobId, leaseId: claimed.leaseId };
  const output = await callTools({ env, cwd }, [
    { name: 'queue_upload_artifact', arguments: { ...job, name: 'text.txt', text: allTexts } },
    { name: 'queue_upload_artifact', arguments: { ...job, name: 'file.txt', path: 'all.txt' } },
    ...texts.map((text) => ({ name: 'queue_note', arguments: { ...job, message: text, payload: { text } } })),
    { name: 'queue_fail', arguments: { ...job, errorMessage: allTexts } },
  ]);
  return { shown: `${output}\n${await jobAsText(site, jobId)}`, sentSecrets: 5 * texts.length };
}
