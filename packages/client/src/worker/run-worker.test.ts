import { execFileSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { refuse, type FakeServer } from '../testing/fake-server.ts';
import { expectGone, setUpWorker, startedPid } from '../testing/worker-trial.ts';

const text = (server: FakeServer, name: string) => server.artifact(name).bytes.toString();

describe('a job that succeeds', () => {
  test('deposits its log and its output files, then completes under its lease', async () => {
    const { server, work, workRoot } = await setUpWorker();
    const job = server.addJob();
    const report = await work(
      'echo one; echo two >&2; echo three; mkdir -p "$PROOFHOUSE_OUTPUT_DIR/a/b"; echo deep > "$PROOFHOUSE_OUTPUT_DIR/a/b/c.txt"; : > "$PROOFHOUSE_OUTPUT_DIR/empty"',
    );
    expect(report).toMatchObject({ succeeded: 1, failed: 0 });
    expect(text(server, 'log.log')).toBe('one\ntwo\nthree\n');
    expect(text(server, 'a/b/c.txt')).toBe('deep\n');
    expect(server.artifactNames()).toEqual(['log.log', 'a/b/c.txt', 'empty']);
    expect(server.job(job.id)).toMatchObject({
      status: 'succeeded',
      resultSummary: 'The command exited with code 0. 3 artifacts deposited.',
    });
    for (const upload of server.requestsOf('putArtifact')) {
      expect(upload.headers['proofhouse-lease']).toBeDefined();
      expect(upload.headers['idempotency-key']).toBeDefined();
      expect(upload.headers['content-digest']).toBeDefined();
    }
    expect(await readdir(workRoot)).toEqual([]);
  });

  test('finds its job in a file and in the environment, and no secret of the worker', async () => {
    const { server, work } = await setUpWorker();
    const job = server.addJob({ payload: { goal: 'greet' } });
    await work('cat "$PROOFHOUSE_JOB_FILE"; env > "$PROOFHOUSE_OUTPUT_DIR/env"');
    expect(JSON.parse(text(server, 'log.log'))).toMatchObject({ id: job.id, payload: { goal: 'greet' } });
    expect(text(server, 'log.log')).not.toContain('leaseId');
    const env = text(server, 'env');
    expect(env).toContain(`PROOFHOUSE_JOB_ID=${job.id}\n`);
    expect(env).toContain('PROOFHOUSE_JOB_TYPE=exec\n');
    expect(env).toContain(`PROOFHOUSE_URL=${server.url}\n`);
    expect(env).toContain('PLAIN=yes\n');
    expect(env).not.toMatch(/phw_own|API_KEY|LEASE/);
  });

  test('gets the token and the lease only when the option is set', async () => {
    const { server, work } = await setUpWorker();
    server.addJob();
    await work('env; [ "$PROOFHOUSE_TOKEN" = phw_own ] && [ -n "$PROOFHOUSE_LEASE_ID" ] && echo both', {
      passToken: 'phw_own',
    });
    expect(text(server, 'log.log')).toMatch(/^both$/m);
    expect(text(server, 'log.log')).toMatch(/^PROOFHOUSE_TOKEN=\*\*\*MASKED\*\*\*$/m);
    expect(text(server, 'log.log')).toMatch(/^PROOFHOUSE_LEASE_ID=\*\*\*MASKED\*\*\*$/m);
  });

  test('runs where the worker was started, or in a new folder', async () => {
    const { server, work, folder } = await setUpWorker();
    server.addJob();
    await work('pwd');
    expect(text(server, 'log.log').trim()).toBe(folder);
    server.addJob();
    await work('pwd; ls', { inWorkFolder: true });
    expect(text(server, 'log.log')).toMatch(/proofhouse-job-\w+\/work\n$/);
  });

  test('leaves no process running', async () => {
    const { server, work, folder } = await setUpWorker();
    server.addJob();
    await work(`sleep 60 & echo $! > ${folder}/pid`);
    await expectGone(await startedPid(`${folder}/pid`));
  });
});

describe('a job that fails', () => {
  test('reports the exit code and the last lines of its log, and deposits all the same', async () => {
    const { server, work } = await setUpWorker();
    const job = server.addJob();
    await work(
      'for i in $(seq 1 3000); do echo "line $i"; done; printf "\\033[31mlast words\\033[0m\\n"; echo x > "$PROOFHOUSE_OUTPUT_DIR/x"; exit 3',
    );
    const { status, errorMessage } = server.job(job.id);
    expect(status).toBe('failed');
    expect(errorMessage).toMatch(/^The command exited with code 3\.\n\nline \d+\n/);
    expect(errorMessage).toMatch(/\nlast words$/);
    expect(Buffer.byteLength(errorMessage!)).toBeLessThanOrEqual(8192);
    expect(server.artifactNames()).toEqual(['log.log', 'x']);
  });

  test('may be retried when the worker has that option', async () => {
    const { server, work } = await setUpWorker();
    server.addJob();
    await work('exit 1', { retryable: true });
    expect(server.requestsOf('failJob')[0]?.json['retryable']).toBe(true);
  });

  test('reports the signal that ended it', async () => {
    const { server, work } = await setUpWorker();
    const job = server.addJob();
    await work('kill -SEGV $$');
    expect(server.job(job.id).errorMessage).toBe('The command was ended by SIGSEGV.');
  });

  test('is given back when its command cannot be started here', async () => {
    const { server, work, folder } = await setUpWorker();
    const job = server.addJob();
    await writeFile(`${folder}/broken`, '#!/nowhere/interpreter\n', { mode: 0o755 });
    await work('', { command: ['./broken'] });
    expect(server.job(job.id).errorMessage).toContain('could not be started');
    expect(server.requestsOf('failJob')[0]?.json['retryable']).toBe(true);
  });
});

describe('deposits', () => {
  test('one that is refused fails the job, and the others are still sent', async () => {
    const { server, work, entries } = await setUpWorker();
    const job = server.addJob();
    server.interfere = (operation, request, response) =>
      operation === 'putArtifact' && request.url!.includes('bad') && refuse(response, 'invalid_artifact_name');
    await work('cd "$PROOFHOUSE_OUTPUT_DIR"; echo 1 > a; echo 2 > bad; echo 3 > c');
    expect(server.artifactNames()).toEqual(['log.log', 'a', 'c']);
    expect(server.job(job.id).status).toBe('failed');
    expect(server.job(job.id).errorMessage).toContain('bad was not deposited');
    expect(entries.filter((entry) => entry.level === 'warn')).toHaveLength(1);
  });

  test('never follow a symbolic link out of the output folder', async () => {
    const { server, work, folder } = await setUpWorker();
    server.addJob();
    await writeFile(path.join(folder, 'private'), 'secret');
    await work(
      `cd "$PROOFHOUSE_OUTPUT_DIR"; ln -s ${folder}/private link; ln -s ${folder} folder; mkfifo pipe; echo ok > ok`,
    );
    expect(server.artifactNames()).toEqual(['log.log', 'ok']);
  });

  test('include the diff of a repository with untracked and binary files, and the repository is unchanged', async () => {
    const { server, work, folder } = await setUpWorker();
    const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, encoding: 'utf8' });
    git('init', '-q');
    git('config', 'user.email', 'test@example.com');
    git('config', 'user.name', 'Test');
    await writeFile(path.join(folder, 'kept.txt'), 'before\n');
    await writeFile(path.join(folder, '.gitignore'), 'ignored\n');
    git('add', '.');
    git('commit', '-qm', 'first');
    git('config', 'diff.noprefix', 'true');
    git('config', 'color.ui', 'always');
    server.addJob();
    await work("echo after > kept.txt; echo new > 'new file'; printf '\\000\\001\\377' > b.bin; echo no > ignored");
    const artifact = server.artifact('diff.diff');
    expect(artifact.record.type).toBe('diff');
    const before = git('-c', 'color.ui=false', 'status', '--porcelain');
    expect(before).toContain(' M kept.txt');
    expect(before).toContain('?? "new file"');
    git('stash', '-qu');
    execFileSync('git', ['apply', '--binary'], { cwd: folder, input: artifact.bytes });
    expect(await readFile(path.join(folder, 'kept.txt'), 'utf8')).toBe('after\n');
    expect(await readFile(path.join(folder, 'new file'), 'utf8')).toBe('new\n');
    expect([...(await readFile(path.join(folder, 'b.bin')))]).toEqual([0, 1, 255]);
    expect(artifact.bytes.toString()).not.toContain('ignored');
  });

  test('a command that commits its work gives the same diff', async () => {
    const { server, work, folder } = await setUpWorker();
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.email=t@e', '-c', 'user.name=t', ...args], { cwd: folder, encoding: 'utf8' });
    git('init', '-q');
    await writeFile(path.join(folder, 'kept.txt'), 'before\n');
    git('add', '.');
    git('commit', '-qm', 'first');
    server.addJob();
    await work(
      'echo after > kept.txt; git -c user.email=t@e -c user.name=t commit -qam second; echo left > over; git checkout -qb other',
    );
    const patch = text(server, 'diff.diff');
    expect(patch).toContain('-before\n+after\n');
    expect(patch).toContain('+left\n');
    git('stash', '-qu');
    git('reset', '-q', '--hard', 'HEAD~1');
    execFileSync('git', ['apply', '--binary'], { cwd: folder, input: server.artifact('diff.diff').bytes });
    expect(await readFile(path.join(folder, 'kept.txt'), 'utf8')).toBe('after\n');
  });

  test('a first commit made by the command is the diff', async () => {
    const { server, work, folder } = await setUpWorker();
    execFileSync('git', ['init', '-q'], { cwd: folder });
    server.addJob();
    await work('echo hello > first; git add .; git -c user.email=t@e -c user.name=t commit -qm first');
    expect(text(server, 'diff.diff')).toContain('+hello');
  });

  test('a repository without a commit gives all files, and one without a change gives none', async () => {
    const { server, work, folder } = await setUpWorker();
    execFileSync('git', ['init', '-q'], { cwd: folder });
    server.addJob();
    await work('echo hello > first');
    expect(text(server, 'diff.diff')).toContain('+hello');
    execFileSync('git', ['add', '-A'], { cwd: folder });
    execFileSync('git', ['-c', 'user.email=t@e', '-c', 'user.name=t', 'commit', '-qm', 'x'], { cwd: folder });
    server.artifacts.length = 0;
    server.addJob();
    await work('true');
    expect(server.artifactNames()).toEqual(['log.log']);
  });
});

describe('a lost lease', () => {
  test('ends the whole group of the command, kills what ignores SIGTERM, and writes nothing more', async () => {
    const { server, work, folder, entries } = await setUpWorker();
    const job = server.addJob();
    const outcome = work(
      `trap '' TERM; sh -c 'trap "" TERM; echo $$ > ${folder}/pid; while :; do sleep 0.1; done' & wait; while :; do sleep 0.1; done`,
      { leaseSeconds: 1 },
    );
    const pid = await startedPid(`${folder}/pid`);
    server.takeAway(job.id);
    expect(await outcome).toMatchObject({ lost: 1, failed: 0 });
    await expectGone(pid);
    expect(server.artifactNames()).toEqual([]);
    expect(server.requestsOf('failJob')).toEqual([]);
    expect(entries.at(-1)?.message).toContain('was lost');
  });

  test('during the deposits aborts them', async () => {
    const { server, work } = await setUpWorker();
    const job = server.addJob();
    server.interfere = (operation) => {
      if (operation === 'putArtifact') server.takeAway(job.id);
      return false;
    };
    expect(await work('echo x > "$PROOFHOUSE_OUTPUT_DIR/x"')).toMatchObject({ lost: 1 });
    expect(server.requestsOf('putArtifact')).toHaveLength(1);
    expect(server.requestsOf('failJob')).toEqual([]);
  });
});

describe('stopping', () => {
  test('ends the command, deposits the results so far, and gives the job back for a retry', async () => {
    const { server, work, folder, stop } = await setUpWorker();
    const job = server.addJob();
    const outcome = work(`echo begun; echo half > "$PROOFHOUSE_OUTPUT_DIR/half"; echo $$ > ${folder}/pid; sleep 60`, {
      once: false,
    });
    await startedPid(`${folder}/pid`);
    stop.abort();
    expect(await outcome).toMatchObject({ stopped: 1 });
    expect(server.artifactNames()).toEqual(['log.log', 'half']);
    expect(server.job(job.id)).toMatchObject({ status: 'queued', errorMessage: 'The worker was stopped.\n\nbegun' });
  });

  test('while waiting for a job ends at once', async () => {
    const { server, work, stop } = await setUpWorker();
    server.claimWaitMs = 60_000;
    const outcome = work('true', { once: false });
    await new Promise((resolve) => setTimeout(resolve, 50));
    stop.abort();
    expect(await outcome).toMatchObject({ succeeded: 0, stopped: 0 });
  });

  test('a cancelled job is ended with its whole group, deposited and acknowledged, never failed', async () => {
    const { server, client, work, folder } = await setUpWorker();
    const job = server.addJob();
    const outcome = work(`echo half > "$PROOFHOUSE_OUTPUT_DIR/half"; sleep 60 & echo $! > ${folder}/pid; wait`, {
      leaseSeconds: 1,
    });
    const pid = await startedPid(`${folder}/pid`);
    await client.jobs.cancel(job.id, { reason: 'not needed' });
    expect(await outcome).toMatchObject({ cancelled: 1, failed: 0 });
    await expectGone(pid);
    expect(server.job(job.id)).toMatchObject({ status: 'cancelled', errorMessage: null });
    expect(server.artifactNames()).toEqual(['log.log', 'half']);
    expect(server.requestsOf('failJob')).toEqual([]);
    const [ack] = server.requestsOf('ackCancel');
    expect(ack?.json['message']).toBe('The command was ended: the job is cancelled. 2 artifacts deposited.');
    expect(ack?.headers['proofhouse-lease']).toBeDefined();
    expect(server.log.of(job.id).map((event) => event.message)).toEqual([
      'The command was started.',
      'Somebody asked to cancel the job.',
      'The command was ended: the job is cancelled.',
      '2 artifacts deposited.',
      'Cancelled.',
    ]);
  });

  test('a job that ended before it received the cancel request ends normally', async () => {
    const { server, client, work } = await setUpWorker();
    const job = server.addJob();
    const outcome = work('sleep 0.3');
    await vi.waitFor(() => expect(server.job(job.id).status).toBe('running'));
    await client.jobs.cancel(job.id);
    expect(await outcome).toMatchObject({ succeeded: 1 });
    expect(server.job(job.id).status).toBe('succeeded');
  });
});

describe('milestones', () => {
  test('are the start and the deposits, under the lease, never output of the command', async () => {
    const { server, work } = await setUpWorker();
    const job = server.addJob();
    await work('echo private words; echo x > "$PROOFHOUSE_OUTPUT_DIR/x"; exit 3');
    expect(server.log.of(job.id)).toMatchObject([
      { kind: 'note', message: 'The command was started.' },
      { kind: 'note', message: '2 artifacts deposited.', payload: { artifacts: 2 } },
    ]);
    expect(JSON.stringify(server.log.of(job.id))).not.toContain('private');
    expect(server.requestsOf('appendEvents').every((one) => one.headers['proofhouse-lease'] !== undefined)).toBe(true);
  });

  test('that cannot be written are warnings, and the job continues', async () => {
    const { server, work, entries } = await setUpWorker();
    server.addJob();
    server.interfere = (operation, _request, response) => operation === 'appendEvents' && refuse(response, 'internal');
    expect(await work('true')).toMatchObject({ succeeded: 1 });
    expect(entries.filter((entry) => entry.level === 'warn')).toHaveLength(2);
  });
});

describe('the loop', () => {
  test('claims several at once only where several may run', async () => {
    const { server, work, stop } = await setUpWorker();
    for (let count = 0; count < 4; count += 1) server.addJob();
    const outcome = work('sleep 0.2', { once: false, concurrency: 3, software: 'proofhouse/1.2.3' });
    await vi.waitFor(() => expect(server.requestsOf('completeJob')).toHaveLength(4), 10_000);
    stop.abort();
    expect(await outcome).toMatchObject({ succeeded: 4 });
    const [first] = server.requestsOf('claimJob');
    expect(first?.json['maxJobs']).toBe(3);
    expect(first?.headers['user-agent']).toBe('proofhouse/1.2.3');
    server.addJob();
    server.seen.length = 0;
    await work('true', { concurrency: 3, signal: new AbortController().signal });
    expect(server.requestsOf('claimJob')[0]?.json['maxJobs']).toBeUndefined();
  });

  test('runs as many jobs at a time as configured', async () => {
    const { server, work, folder, stop } = await setUpWorker();
    for (let count = 0; count < 4; count += 1) server.addJob();
    const outcome = work(
      `ls ${folder} | wc -l > "$PROOFHOUSE_OUTPUT_DIR/n"; touch ${folder}/$$; sleep 0.4; rm ${folder}/$$`,
      {
        once: false,
        concurrency: 2,
      },
    );
    await vi.waitFor(() => expect(server.requestsOf('completeJob')).toHaveLength(4), 10_000);
    stop.abort();
    expect(await outcome).toMatchObject({ succeeded: 4 });
    const others = server.artifacts.filter((one) => one.record.name === 'n').map((one) => Number(one.bytes.toString()));
    expect(Math.max(...others)).toBeLessThanOrEqual(1);
  });

  test('refuses a command that does not exist before it claims anything', async () => {
    const { server, work } = await setUpWorker();
    server.addJob();
    await expect(work('', { command: ['no-such-program-here'] })).rejects.toThrow(/no-such-program-here/);
    await expect(work('', { command: [] })).rejects.toThrow(/no command/);
    await expect(work('', { cwd: '/nowhere/at/all' })).rejects.toThrow(/not a folder/);
    expect(server.seen).toEqual([]);
  });

  test('ends with the error when its credential is refused', async () => {
    const { server, work } = await setUpWorker();
    server.interfere = (_operation, _request, response) => refuse(response, 'unauthenticated');
    await expect(work('true')).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  test('continues while a server is away for a while', async () => {
    const { server, work, entries } = await setUpWorker();
    server.addJob();
    const keys: unknown[] = [];
    server.interfere = (operation, request) => {
      if (operation !== 'claimJob') return false;
      keys.push(request.headers['idempotency-key']);
      if (keys.length <= 2) request.socket.destroy();
      return keys.length <= 2;
    };
    expect(await work('true')).toMatchObject({ succeeded: 1 });
    expect(new Set(keys).size).toBe(1);
    expect(entries[0]).toMatchObject({ level: 'warn' });
  });

  test('a job that cannot be reported does not end the loop', async () => {
    const { server, work, stop } = await setUpWorker();
    server.addJob();
    server.addJob();
    let refused = 0;
    server.interfere = (operation, _request, response) =>
      operation === 'completeJob' && refused++ === 0 && refuse(response, 'invalid_request');
    const outcome = work('true', { once: false });
    await vi.waitFor(() => expect(server.requestsOf('completeJob')).toHaveLength(2), 5000);
    stop.abort();
    expect(await outcome).toMatchObject({ succeeded: 2, failed: 1 });
    expect(server.requestsOf('failJob')[0]?.json['retryable']).toBe(true);
  });

  test('a finished job is reported also when the server is away for longer than a call lasts', async () => {
    const { server, work, entries } = await setUpWorker();
    const job = server.addJob();
    let asked = 0;
    server.interfere = (operation, request) => {
      const away = operation === 'completeJob' && (asked += 1) <= 5;
      if (away) request.socket.destroy();
      return away;
    };
    expect(await work('true')).toMatchObject({ succeeded: 1 });
    expect(server.job(job.id).status).toBe('succeeded');
    expect(entries.some((entry) => entry.message.includes('not reported yet'))).toBe(true);
  });
});
