// Shows the main use case on real input. Starts a temporary server and creates three jobs on this repository. A worker
// in another process runs them and deposits the results. Then the script checks what was stored. With `--keep`, the
// server keeps running.
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { ProofhouseClient } from '@proofhouse/client';
import { finalStatuses, type Job, type JobArtifact } from '@proofhouse/core';
import { startCommand, type RunningCommand } from './demo/running-command.ts';

const root = path.resolve(import.meta.dirname, '..');
const keep = process.argv.includes('--keep');
const runs = [
  { run: 'lint', does: 'lints packages/core with this repository’s own rules' },
  { run: 'test', does: 'runs the tests of packages/core' },
  { run: 'change', does: 'makes a small change, which leaves a diff' },
];

const folder = await mkdtemp(path.join(os.tmpdir(), 'proofhouse-demo-'));
const running: RunningCommand[] = [];
try {
  process.exitCode = (await demo()) ? 0 : 1;
} finally {
  for (const command of running.reverse()) await command.stop();
  await rm(folder, { recursive: true, force: true });
}

async function demo(): Promise<boolean> {
  const { url, token, signInLink } = await startServer();
  const client = new ProofhouseClient({ url, token });
  console.log(`A server with a fresh data folder listens on ${url}\n`);
  const jobs: Job[] = [];
  for (const { run, does } of runs) {
    jobs.push(await client.jobs.create({ type: 'exec', payload: { run }, maxAttempts: 1 }));
    console.log(`queued  ${run.padEnd(7)} ${does}`);
  }
  const { token: workerToken } = await client.workerTokens.create({ workerId: 'demo-worker' });
  startWorker(url, workerToken);
  console.log('\nA worker claims them, runs them and deposits what they leave …\n');
  const ended = await Promise.all(jobs.map((job) => untilEnded(client, job.id)));
  const stored: { job: Job; artifact: JobArtifact }[] = [];
  for (const job of ended) {
    console.log(
      `${job.status.padEnd(10)} ${String(job.payload['run'])}  ${firstLine(job.errorMessage ?? job.resultSummary)}`,
    );
    for await (const artifact of client.artifacts.each(job.id)) {
      stored.push({ job, artifact });
      console.log(`  ${artifact.name.padEnd(22)} ${String(artifact.sizeBytes).padStart(8)} bytes  ${artifact.digest}`);
    }
  }
  for (const { job, artifact } of stored) {
    if (job.status !== 'succeeded' && artifact.name === 'log.log') await showEnd(client, job, artifact);
  }
  const intact = await compareOne(client, stored);
  if (keep) await waitForLook(signInLink, url, token);
  return intact && ended.every((job) => job.status === 'succeeded') && holdsAllKinds(stored);
}

async function startServer(): Promise<{ url: string; token: string; signInLink: string }> {
  const token = `demo-${randomBytes(24).toString('hex')}`;
  const server = startCommand(['serve', '--port', '0', '--data-dir', path.join(folder, 'data')], {
    cwd: root,
    env: { PROOFHOUSE_ADMIN_TOKEN: token, PROOFHOUSE_LOG_LEVEL: 'warn' },
  });
  running.push(server);
  const port = (await server.line('stdout', /^PROOFHOUSE_LISTENING .* port=(\d+)$/))[1] ?? '';
  const signInLink = (await server.line('stderr', /(http\S+#code=\S+)/))[1] ?? '';
  return { url: `http://127.0.0.1:${port}`, token, signInLink };
}

function startWorker(url: string, token: string): void {
  const job = path.join(root, 'scripts', 'demo', 'demo-job.ts');
  const worker = startCommand(['work', '--work-folder', '--', process.execPath, job], {
    cwd: folder,
    env: { PROOFHOUSE_URL: url, PROOFHOUSE_TOKEN: token },
  });
  running.push(worker);
}

async function untilEnded(client: ProofhouseClient, jobId: string): Promise<Job> {
  for (;;) {
    const job = await client.jobs.get(jobId);
    if (finalStatuses.includes(job.status)) return job;
    for (const command of running) command.throwIfEnded();
    await sleep(200);
  }
}

/** Prints the last 20 lines of the log of a job, which usually contain the cause of a failure. */
async function showEnd(client: ProofhouseClient, job: Job, log: JobArtifact): Promise<void> {
  const { body } = await client.artifacts.download(job.id, log.id);
  const text = await new Response(body).text();
  console.log(
    `\nThe end of the log of ${String(job.payload['run'])}:\n${text.trimEnd().split('\n').slice(-20).join('\n')}`,
  );
}

/** Downloads the largest artifact and compares its bytes with the recorded digest. */
async function compareOne(client: ProofhouseClient, stored: { job: Job; artifact: JobArtifact }[]): Promise<boolean> {
  const largest = stored.toSorted((a, b) => b.artifact.sizeBytes - a.artifact.sizeBytes)[0];
  if (largest === undefined) return false;
  const { body } = await client.artifacts.download(largest.job.id, largest.artifact.id);
  const hash = createHash('sha256');
  for await (const chunk of body) hash.update(chunk);
  const digest = `sha256:${hash.digest('hex')}`;
  const same = digest === largest.artifact.digest;
  console.log(`\nDownloaded ${largest.artifact.name} again: ${same ? 'the same bytes' : `OTHER BYTES, ${digest}`}.`);
  return same;
}

function holdsAllKinds(stored: { artifact: JobArtifact }[]): boolean {
  const names = stored.map(({ artifact }) => artifact.name);
  const missing = ['log.log', 'diff.diff', 'lint.json', 'junit.xml'].filter((name) => !names.includes(name));
  if (missing.length > 0) console.error(`Missing: ${missing.join(', ')}.`);
  return missing.length === 0;
}

function firstLine(text: string | null): string {
  return text?.split('\n', 1)[0] ?? '';
}

async function waitForLook(signInLink: string, url: string, token: string): Promise<void> {
  console.log(`\nThe server stays up. Look: ${signInLink}`);
  console.log(`Or: export PROOFHOUSE_URL=${url} PROOFHOUSE_TOKEN=${token}\nCtrl-C ends it.`);
  await new Promise<void>((settle) => {
    process.once('SIGINT', settle).once('SIGTERM', settle);
  });
}
