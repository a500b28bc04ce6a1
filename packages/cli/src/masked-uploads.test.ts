// Tests the commands that send files. They must mask files first, print what was masked, and refuse archives with a
// secret.
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { FakeServer } from '@proofhouse/client/testing';
import { secretRules } from '@proofhouse/core';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { RunOptions } from './testing/run-entry.ts';
import { runInProcess } from './testing/run-in-process.ts';

const experiment = 'exp_01jd7v6m5x0000000000000000';
const password = ['kettle', 'Seven', '42'].join('-');
const githubToken = secretRules.find(({ id }) => id === 'github-token')!.examples.matches[0]!.secret;
const text = `connects with ${password}, then pushes with ${githubToken}\n`;
const masked = 'connects with ***MASKED***, then pushes with ***MASKED***\n';
const counts = [
  { rule: 'github-token', count: 1 },
  { rule: 'known:DB_PASSWORD', count: 1 },
];

async function setUp() {
  const server = await FakeServer.start();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const folder = await mkdtemp(path.join(tmpdir(), 'masked-uploads-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(path.join(folder, 'report.txt'), text);
  await writeFile(path.join(folder, 'report.gz'), gzipSync(text));
  await writeFile(path.join(folder, `${githubToken}.txt`), 'nothing');
  const env = {
    PROOFHOUSE_URL: server.url,
    PROOFHOUSE_TOKEN: 'wkr_1:phw_secret',
    PROOFHOUSE_EXPERIMENT: experiment,
    DB_PASSWORD: password,
    SHORT_TOKEN: 'abc',
  };
  const run = (args: readonly string[], options: RunOptions = {}) =>
    runInProcess(args, { cwd: folder, ...options, env });
  return { server, run, job: server.addJob(), deposits: server.experiment.deposits };
}

function sha256(bytes: string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('artifact push', () => {
  test('sends a text masked, with the size and the digest of the masked bytes, and prints what was masked', async () => {
    const { server, run, job } = await setUp();
    const { code, stdout, stderr } = await run(['artifact', 'push', job.id, 'report.txt', '--title', `of ${password}`]);
    expect(code).toBe(0);
    expect(stdout).toContain(`Pushed report.txt (${masked.length} B, sha256:${sha256(masked)})`);
    expect(stderr).toContain('proofhouse: The value of SHORT_TOKEN is not masked: it is too short.\n');
    expect(stderr).toMatch(/^proofhouse: Masked in report\.txt: github-token 1, known:DB_PASSWORD 1$/m);
    const { bytes, record } = server.artifact('report.txt');
    expect(bytes.toString()).toBe(masked);
    expect(record).toMatchObject({ title: 'of ***MASKED***', metadata: { masked: counts } });
    expect(stdout + stderr).not.toContain(password);
  });

  test('masks standard input', async () => {
    const { server, run, job } = await setUp();
    const args = ['artifact', 'push', job.id, '-', '--name', 'in.txt', '--json'];
    const { code, stderr } = await run(args, { input: text });
    expect(code).toBe(0);
    expect(server.artifact('in.txt').bytes.toString()).toBe(masked);
    expect(JSON.parse(stderr.split('\n').find((line) => line.startsWith('{')) ?? '')).toEqual({
      name: 'in.txt',
      masked: counts,
      unscanned: [],
    });
  });

  test('sends the bytes unchanged with --no-mask', async () => {
    const { server, run, job } = await setUp();
    const { stderr } = await run(['artifact', 'push', job.id, 'report.txt', 'report.gz', '--no-mask']);
    expect(stderr).toBe('');
    await run(['artifact', 'push', job.id, '-', '--name', 'in.txt', '--no-mask'], { input: text });
    expect(server.artifact('report.txt').bytes.toString()).toBe(text);
    expect(server.artifact('report.gz').bytes.equals(gzipSync(text))).toBe(true);
    expect(server.artifact('in.txt').bytes.toString()).toBe(text);
  });

  test('sends no archive with a secret in it, unless --allow-binary is given', async () => {
    const { server, run, job } = await setUp();
    const refused = await run(['artifact', 'push', job.id, 'report.gz']);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('proofhouse: report.gz: it contains a secret (');
    expect(refused.stderr).toContain('`--allow-binary`');
    expect(server.artifactNames()).toEqual([]);
    expect((await run(['artifact', 'push', job.id, 'report.gz', '--allow-binary'])).code).toBe(0);
    expect(server.artifact('report.gz').bytes.equals(gzipSync(text))).toBe(true);
  });

  test('sends no file with a secret in its name, and does not print the name', async () => {
    const { server, run, job } = await setUp();
    const { code, stdout, stderr } = await run(['artifact', 'push', job.id, `${githubToken}.txt`]);
    expect(code).not.toBe(0);
    expect(stderr).toContain('its name contains a secret');
    expect(stdout + stderr).not.toContain(githubToken);
    expect(server.artifactNames()).toEqual([]);
  });
});

describe('artifact deposit', () => {
  test('sends a text masked and prints what was masked on standard error', async () => {
    const { run, deposits } = await setUp();
    const { code, stdout, stderr } = await run(['artifact', 'deposit', 'report.txt']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^proofhouse:\/\/artifacts\/\S+\n$/);
    expect(stderr).toContain('proofhouse: Masked in report.txt: ');
    expect((await run(['artifact', 'deposit', '-'], { input: text })).stderr).toContain('Masked in standard input: ');
    expect((await run(['artifact', 'deposit', '-', '--no-mask'], { input: text })).stderr).toBe('');
    expect((await run(['artifact', 'deposit', 'report.txt', '--no-mask'])).code).toBe(0);
    expect(deposits.map(({ bytes }) => bytes.toString())).toEqual([masked, masked, text, text]);
  });

  test('sends no archive with a secret, and no secret as a file name', async () => {
    const { run, deposits } = await setUp();
    for (const args of [['report.gz'], ['report.txt', '--filename', `${githubToken}.txt`], [`${githubToken}.txt`]]) {
      const { code, stdout, stderr } = await run(['artifact', 'deposit', ...args]);
      expect(code).not.toBe(0);
      expect(stdout + stderr).not.toContain(githubToken);
    }
    expect(deposits).toEqual([]);
    expect((await run(['artifact', 'deposit', 'report.gz', '--allow-binary'])).code).toBe(0);
  });
});
