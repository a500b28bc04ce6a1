import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { maskPlaceholder as mark } from '@proofhouse/core';
import { describe, expect, test } from 'vitest';
import { zipOf } from '../testing/archives.ts';
import { refuse, type FakeServer } from '../testing/fake-server.ts';
import { setUpWorker } from '../testing/worker-trial.ts';
import type { WorkerOptions } from './index.ts';

const secret = ['correct', 'horse', 'battery'].join('-');
const env = { PATH: process.env['PATH'], DEPLOY_TOKEN: secret };

async function setUp() {
  const trial = await setUpWorker();
  const { server, folder } = trial;
  const job = server.addJob();
  const work = (script: string, options: Partial<WorkerOptions> = {}) => trial.work(script, { env, ...options });
  const text = (name: string) => server.artifact(name).bytes.toString();
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=n', '-c', 'user.email=e@example.com', ...args], { cwd: folder }).toString();
  return { ...trial, job, work, text, git, errorMessage: () => server.job(job.id).errorMessage };
}

function messagesOf(server: FakeServer, jobId: string): string[] {
  return server.log.of(jobId).map(({ message }) => message);
}

const output = 'cd "$PROOFHOUSE_OUTPUT_DIR"';

describe('a text', () => {
  test('is deposited masked, with the digest of the masked bytes and what was masked in its metadata', async () => {
    const { server, work, text } = await setUp();
    await work(
      `echo "log $DEPLOY_TOKEN"; ${output}; printf 'a %s\\nb\\377 %s' "$DEPLOY_TOKEN" "$DEPLOY_TOKEN" > out.txt`,
    );
    expect(text('log.log')).toBe(`log ${mark}\n`);
    const artifact = server.artifact('out.txt');
    expect(artifact.bytes.toString('latin1')).toBe(`a ${mark}\nb\xff ${mark}`);
    expect(artifact.record.metadata).toEqual({ masked: [{ rule: 'known:DEPLOY_TOKEN', count: 2 }] });
    expect(artifact.record.digest).toBe(`sha256:${createHash('sha256').update(artifact.bytes).digest('hex')}`);
    expect(server.artifact('log.log').record.metadata).toEqual({ masked: [{ rule: 'known:DEPLOY_TOKEN', count: 1 }] });
  });

  test('without a secret is deposited unchanged, without a receipt', async () => {
    const { server, work, text } = await setUp();
    expect(await work(`${output}; printf 'reject 128000 false\\r\\n\\377' > out.txt`)).toMatchObject({ succeeded: 1 });
    expect(server.artifact('out.txt').bytes.toString('latin1')).toBe('reject 128000 false\r\n\xff');
    expect(server.artifact('out.txt').record.metadata).toEqual({});
    expect(text('log.log')).toBe('');
  });

  test('that a command added as a value is masked in the log from its beginning, and in files', async () => {
    const { work, text } = await setUp();
    await work(
      `echo "early added-value-1"; printf '"added-value-1"\\n' >> "$PROOFHOUSE_MASK_FILE"; stat -c %a "$PROOFHOUSE_MASK_FILE"; echo "late added-value-1"; ${output}; echo added-value-1 > out.txt`,
    );
    expect(text('log.log')).toBe(`early ${mark}\n600\nlate ${mark}\n`);
    expect(text('out.txt')).toBe(`${mark}\n`);
  });

  test('is masked before a log is cut, so that no rest of a secret remains', async () => {
    const { work, text, errorMessage } = await setUp();
    const key = Array.from({ length: 40 }, (_, line) => `${line}`.padEnd(64, 'Ab1+')).join('\n');
    const begin = ['-----BEGIN', 'PRIVATE KEY-----'].join(' ');
    const script = `seq 1 300; printf '%s\\n%s\\n' '${begin}' '${key}'; seq 1 100; exit 1`;
    await work(script, { maxLogBytes: 1500 });
    expect(text('log.log')).toContain('are missing here');
    expect(`${text('log.log')}${errorMessage()}`).not.toContain('Ab1+Ab1+');
    expect(errorMessage()).toContain(mark);
  });

  test.each([
    ['succeeds', 'completeJob', 0],
    ['fails', 'failJob', 1],
  ])('that the server refuses as the end of a job that %s is withheld, and the job ends', async (_how, call, code) => {
    const { server, job, entries, work } = await setUp();
    let isFirst = true;
    server.interfere = (operation, _request, response) => {
      if (operation !== call || !isFirst) return false;
      isFirst = false;
      return refuse(response, 'secret_found');
    };
    expect(await work(`exit ${code}`)).toMatchObject({ succeeded: 1 - code, failed: code });
    const { resultSummary, errorMessage: failure } = server.job(job.id);
    expect(resultSummary ?? failure).toContain('is withheld: the server found a secret in it');
    expect(entries.map(({ message }) => message)).toContain(resultSummary ?? failure);
  });

  test('that cannot be masked is not deposited, and the job fails', async () => {
    const { server, work, errorMessage } = await setUp();
    await work(`echo output; ${output}; echo 1 > out.txt; rm "$PROOFHOUSE_MASK_FILE"; mkdir "$PROOFHOUSE_MASK_FILE"`);
    expect(server.artifactNames()).toEqual([]);
    expect(errorMessage()).toContain('withheld: masking failed');
  });
});

describe('a message', () => {
  test('of a worker, of a job and of an event is masked', async () => {
    const { server, job, entries, work, errorMessage } = await setUp();
    await work(
      `echo "failed with $DEPLOY_TOKEN"; mkdir "$PROOFHOUSE_OUTPUT_DIR/${secret}"; mkfifo "$PROOFHOUSE_OUTPUT_DIR/${secret}/x"; exit 3`,
    );
    expect(errorMessage()).toContain(`failed with ${mark}`);
    expect(errorMessage()).toContain(`${mark}/x was left out`);
    const all = JSON.stringify([entries, server.job(job.id), server.log.of(job.id)]);
    expect(all).not.toContain(secret);
  });

  test('of a handler is masked, with title, metadata, result and values that it adds', async () => {
    const { server, client, job, folder, entries } = await setUp();
    const { runWorker } = await import('./index.ts');
    await runWorker({
      client,
      env,
      cwd: folder,
      once: true,
      log: (entry) => entries.push(entry),
      handlers: {
        exec: async (_job, ctx) => {
          ctx.note(`uses ${secret}`, { payload: { token: secret } });
          ctx.addSecret('added-value-2');
          ctx.note('has added-value-2');
          const about = { title: `of ${secret}`, metadata: { [secret]: ['added-value-2'] } };
          await ctx.deposit('a.txt', `x ${secret} added-value-2`, about);
          return { summary: `done with ${secret}` };
        },
      },
    });
    expect(messagesOf(server, job.id)).toEqual(expect.arrayContaining([`uses ${mark}`, `has ${mark}`]));
    expect(server.artifact('a.txt').record).toMatchObject({
      title: `of ${mark}`,
      metadata: {
        [mark]: [mark],
        masked: [
          { rule: 'known:DEPLOY_TOKEN', count: 1 },
          { rule: 'known:added', count: 1 },
        ],
      },
    });
    expect(server.job(job.id).resultSummary).toContain(`done with ${mark}`);
    const all = JSON.stringify([entries, server.job(job.id), server.log.of(job.id), server.artifact('a.txt').record]);
    expect(all).not.toMatch(new RegExp(`${secret}|added-value-2`));
  });
});

test('an error that ends the worker is masked', async () => {
  const { work } = await setUp();
  const message = await work('true', { command: [`./no-such-${secret}`] }).catch((error: unknown) => String(error));
  expect(message).toContain(`no-such-${mark}`);
});

describe('a binary file or an archive with a secret', () => {
  const write = (folder: string): void => {
    writeFileSync(path.join(folder, 'x.zip'), zipOf({ 'a.env': `TOKEN=${secret}\n` }));
    writeFileSync(path.join(folder, 'y.bin'), `\0\0 ${secret}`);
  };
  const script = `cp x.zip y.bin "$PROOFHOUSE_OUTPUT_DIR"; echo fine > "$PROOFHOUSE_OUTPUT_DIR/z.txt"`;

  test('is not deposited, and the job fails with a message that names it', async () => {
    const { server, folder, work, errorMessage } = await setUp();
    write(folder);
    expect(await work(script)).toMatchObject({ failed: 1 });
    expect(server.artifactNames()).toEqual(['log.log', 'z.txt']);
    expect(errorMessage()).toContain('x.zip was not deposited: it contains a secret (known:DEPLOY_TOKEN) in "a.env"');
    expect(errorMessage()).toContain('y.bin was not deposited: it contains a secret (known:DEPLOY_TOKEN)');
    expect(server.requestsOf('failJob')[0]?.json['retryable']).toBe(false);
  });

  test('is not deposited with best effort, and the job succeeds', async () => {
    const { server, job, folder, work } = await setUp();
    write(folder);
    expect(await work(script, { bestEffort: true })).toMatchObject({ succeeded: 1 });
    expect(server.artifactNames()).toEqual(['log.log', 'z.txt']);
    expect(server.job(job.id).resultSummary).toMatch(/^Best effort: 2 pieces of evidence could not be deposited\./);
  });

  test('is deposited unchanged when binary files are allowed', async () => {
    const { server, folder, work } = await setUp();
    write(folder);
    expect(await work(script, { allowBinary: true })).toMatchObject({ succeeded: 1 });
    expect(server.artifactNames()).toEqual(['log.log', 'x.zip', 'y.bin', 'z.txt']);
    expect(server.artifact('y.bin').bytes.toString()).toBe(`\0\0 ${secret}`);
  });

  test('that expands to more than its limits is refused', async () => {
    const { server, folder, work, errorMessage } = await setUp();
    writeFileSync(path.join(folder, 'bomb.zip'), zipOf({ zeros: Buffer.alloc(40 * 1024 * 1024) }));
    await work('cp bomb.zip "$PROOFHOUSE_OUTPUT_DIR"');
    expect(server.artifactNames()).toEqual(['log.log']);
    expect(errorMessage()).toMatch(/bomb\.zip was not deposited: it cannot be scanned for secrets: it unpacks to more/);
  });
});

describe('a name with a secret', () => {
  test('of a file is not deposited, and no message shows it', async () => {
    const { server, entries, work, errorMessage } = await setUp();
    expect(await work(`${output}; echo 1 > a-$DEPLOY_TOKEN.txt; echo 2 > b.txt`)).toMatchObject({ failed: 1 });
    expect(server.artifactNames()).toEqual(['log.log', 'b.txt']);
    expect(errorMessage()).toContain(`a-${mark}.txt was not deposited: its name contains a secret`);
    expect(JSON.stringify([entries, errorMessage()])).not.toContain(secret);
  });
});

describe('a diff', () => {
  test('with a secret in an added line and in the name of a file is masked, and still applies', async () => {
    const { server, folder, work, text, git } = await setUp();
    git('init', '-q');
    writeFileSync(path.join(folder, 'a.txt'), 'one\ntwo\nthree\n');
    git('add', '.');
    git('commit', '-qm', 'first');
    await work(
      `printf 'one\\ntwo %s\\nthree\\nfour %s\\n' $DEPLOY_TOKEN $DEPLOY_TOKEN > a.txt; echo x > new-$DEPLOY_TOKEN`,
    );
    const diff = server.artifact('diff.diff');
    expect(diff.bytes.includes(secret)).toBe(false);
    expect(text('diffs.json')).not.toContain(secret);
    const [listed] = (JSON.parse(text('diffs.json')) as { diffs: { digest: string; sizeBytes: number }[] }).diffs;
    expect(listed).toMatchObject({ digest: diff.record.digest, sizeBytes: diff.bytes.length });
    expect(diff.record.metadata).toHaveProperty('masked');
    git('stash', '-qu');
    writeFileSync(path.join(folder, '.git', 'masked.diff'), diff.bytes);
    git('apply', path.join(folder, '.git', 'masked.diff'));
    expect(git('diff')).toContain(`+four ${mark}`);
    expect(existsSync(path.join(folder, `new-${mark}`))).toBe(true);
  });

  test('that removes a secret over several lines can still be parsed, with its counts of lines', async () => {
    const { server, folder, work, git } = await setUp();
    git('init', '-q');
    const lines = ['-----BEGIN', 'PRIVATE KEY-----'].join(' ');
    const body = Array.from({ length: 6 }, (_, line) => `${line}`.padEnd(64, 'xY9/')).join('\n');
    mkdirSync(path.join(folder, 'keys'));
    writeFileSync(path.join(folder, 'keys/key.pem'), `${lines}\n${body}\n${lines.replace('BEGIN', 'END')}\n`);
    writeFileSync(path.join(folder, 'a.txt'), `${secret}\n`);
    git('add', '.');
    git('commit', '-qm', 'first');
    await work('rm keys/key.pem; echo more >> a.txt');
    const diff = server.artifact('diff.diff').bytes;
    expect(diff.toString()).not.toMatch(/xY9\/xY9|correct-horse/);
    const numbers = execFileSync('git', ['apply', '--numstat', '-'], { cwd: folder, input: diff }).toString();
    expect(numbers).toBe('1\t0\ta.txt\n0\t8\tkeys/key.pem\n');
  });
});

describe('without masking', () => {
  test('everything is deposited as it is, the command gets no mask file, and a warning says so', async () => {
    const { server, entries, work, text } = await setUp();
    await work(`echo "$DEPLOY_TOKEN [$PROOFHOUSE_MASK_FILE]"; ${output}; echo 1 > $DEPLOY_TOKEN`, {
      maskSecrets: false,
    });
    expect(text('log.log')).toBe(`${secret} []\n`);
    expect(server.artifactNames()).toEqual(['log.log', secret]);
    expect(entries[0]).toMatchObject({ level: 'warn', message: expect.stringContaining('Masking is off') as string });
  });
});

test('a variable whose value is too short is named in a warning, and a secret file is masked', async () => {
  const { folder, entries, work, text } = await setUp();
  writeFileSync(path.join(folder, 'secret'), 'from-a-file-1\n');
  await work('echo from-a-file-1 abc', {
    env: { ...env, SHORT_TOKEN: 'abc' },
    secretFiles: [path.join(folder, 'secret')],
  });
  expect(text('log.log')).toBe(`${mark} abc\n`);
  expect(entries[0]?.message).toBe('The value of SHORT_TOKEN is not masked: it is too short.');
});

test('a log that the command writes into itself is masked too', async () => {
  const { server, work, text, folder } = await setUp();
  // PATH contains no mkfifo, so the worker uses no pipe.
  const bin = path.join(folder, 'bin');
  mkdirSync(bin);
  execFileSync('ln', ['-s', execFileSync('which', ['sh']).toString().trim(), path.join(bin, 'sh')]);
  await work(`echo "a $DEPLOY_TOKEN"`, { env: { ...env, PATH: bin }, diff: false });
  expect(text('log.log')).toBe(`a ${mark}\n`);
  expect(server.artifact('log.log').record.metadata).toEqual({ masked: [{ rule: 'known:DEPLOY_TOKEN', count: 1 }] });
});
