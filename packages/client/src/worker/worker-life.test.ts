import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { refuse } from '../testing/fake-server.ts';
import { HandClock } from '../testing/hand-clock.ts';
import { expectGone, setUpWorker, startedPid } from '../testing/worker-trial.ts';
import { WorkFolder } from './work-folder.ts';

describe('a claim', () => {
  test('whose answer has jobs without a lease takes the others, logs a warning, and is not repeated under its key', async () => {
    const { server, work, stop, entries } = await setUpWorker();
    const jobs = [server.addJob(), server.addJob()];
    server.leaseless.add(jobs[0]!.id);
    const outcome = work('true', { once: false, concurrency: 2 });
    await vi.waitFor(() => expect(server.job(jobs[1]!.id).status).toBe('succeeded'), 5000);
    await vi.waitFor(() => expect(server.requestsOf('claimJob').length).toBeGreaterThan(1), 5000);
    stop.abort();
    expect(await outcome).toMatchObject({ succeeded: 1, failed: 0, lost: 0 });
    expect(entries.filter(({ jobId }) => jobId === jobs[0]!.id)).toEqual([
      expect.objectContaining({ level: 'warn', message: expect.stringContaining('without its lease') }),
    ]);
    const keys = server.requestsOf('claimJob').map(({ headers }) => headers['idempotency-key']);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('of one job that comes without a lease returns no job', async () => {
    const { server, work } = await setUpWorker();
    server.leaseless.add(server.addJob().id);
    server.addJob();
    expect(await work('true')).toMatchObject({ succeeded: 1 });
  });

  test('that had to be repeated renews its lease at once, since its remaining time is unknown', async () => {
    const { server, work, folder } = await setUpWorker();
    server.addJob();
    let claims = 0;
    server.interfere = (operation, request) => {
      if (operation === 'heartbeatJob') writeFileSync(`${folder}/renewed`, '');
      const lost = operation === 'claimJob' && (claims += 1) === 1;
      if (lost) request.socket.destroy();
      return lost;
    };
    expect(await work(`until [ -e ${folder}/renewed ]; do sleep 0.05; done`)).toMatchObject({ succeeded: 1 });
  });

  test('whose lease has expired meanwhile starts no command, and a lease that expires later ends the command', async () => {
    const { server, work, folder, entries } = await setUpWorker();
    const early = server.addJob();
    let claims = 0;
    server.interfere = (operation, request, response) => {
      if (operation === 'claimJob' && (claims += 1) === 1) {
        request.socket.destroy();
        return true;
      }
      return operation === 'heartbeatJob' && refuse(response, 'lease_lost');
    };
    expect(await work(`touch ${folder}/started`)).toMatchObject({ lost: 1 });
    expect(existsSync(`${folder}/started`)).toBe(false);
    expect(entries.at(-1)?.message).toMatch(new RegExp(`${early.id} was lost: .* Its command was not started`));
    server.addJob();
    server.interfere = (operation, _request, response) =>
      operation === 'appendEvents' && refuse(response, 'lease_lost');
    expect(await work('sleep 60')).toMatchObject({ lost: 1 });
    expect(entries.at(-1)?.message).toContain('Its command was ended');
  });

  test('that a proxy answers while the server is away does not end a worker that was accepted before', async () => {
    const { server, work, stop, entries } = await setUpWorker();
    let claims = 0;
    server.interfere = (operation, _request, response) => {
      const strange = operation === 'claimJob' && (claims += 1) === 2;
      if (strange) response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Back soon</h1>');
      return strange;
    };
    const outcome = work('true', { once: false });
    await vi.waitFor(() => expect(claims).toBeGreaterThan(2), 10_000);
    const job = server.addJob();
    await vi.waitFor(() => expect(server.job(job.id).status).toBe('succeeded'), 10_000);
    stop.abort();
    expect(await outcome).toMatchObject({ succeeded: 1 });
    expect(entries[0]?.message).toContain('No job can be claimed');
  });

  test('that another server answers at the start ends the worker: the URL is wrong', async () => {
    const { server, work } = await setUpWorker();
    server.interfere = (_operation, _request, response) => Boolean(response.writeHead(200).end('<h1>Hello</h1>'));
    await expect(work('true')).rejects.toMatchObject({ code: 'unsupported' });
  });

  test('that succeeded is reported once, after a first claim that does not wait', async () => {
    const { server, work, stop } = await setUpWorker();
    const onAccepted = vi.fn();
    const outcome = work('true', { once: false, onAccepted });
    await vi.waitFor(() => expect(server.requestsOf('claimJob').length).toBeGreaterThan(1));
    stop.abort();
    await outcome;
    expect(onAccepted).toHaveBeenCalledTimes(1);
    expect(server.requestsOf('claimJob')[0]?.json['waitSeconds']).toBe(0);
    expect(server.requestsOf('claimJob')[1]?.json['waitSeconds']).toBe(20);
  });
});

describe('a command that runs too long', () => {
  test('is ended with its group, and its job fails like other failures', async () => {
    const { server, work, folder } = await setUpWorker();
    const job = server.addJob();
    const clock = new HandClock();
    const options = { commandTimeoutMs: 90_000, retryable: true, clock };
    const outcome = work(
      `echo half > "$PROOFHOUSE_OUTPUT_DIR/half"; sleep 60 & echo $! > ${folder}/pid; wait`,
      options,
    );
    const pid = await startedPid(`${folder}/pid`);
    clock.advance(90_000);
    await vi.waitFor(() => {
      clock.advance(100);
      expect(server.requestsOf('failJob')).toHaveLength(1);
    }, 5000);
    expect(await outcome).toMatchObject({ failed: 1, stopped: 0 });
    await expectGone(pid);
    expect(server.requestsOf('failJob')[0]?.json).toMatchObject({
      errorMessage: 'The command ran for longer than 90 s and was ended.',
      retryable: true,
    });
    expect(server.artifactNames()).toEqual(['log.log', 'half']);
    expect(job.status).toBe('queued');
  });
});

describe('a drain', () => {
  test('lets a running command finish, with its lease renewed, and claims nothing more', async () => {
    const { server, work, folder, stop } = await setUpWorker();
    server.addJob();
    const outcome = work(`echo $$ > ${folder}/pid; until [ -e ${folder}/go ]; do sleep 0.05; done`, {
      once: false,
      drainMs: 600_000,
      leaseSeconds: 1,
    });
    await startedPid(`${folder}/pid`);
    server.addJob();
    stop.abort();
    const renewed = server.requestsOf('heartbeatJob').length;
    await vi.waitFor(() => expect(server.requestsOf('heartbeatJob').length).toBeGreaterThan(renewed + 1), 5000);
    writeFileSync(`${folder}/go`, '');
    expect(await outcome).toMatchObject({ succeeded: 1, stopped: 0 });
    expect(server.requestsOf('claimJob')).toHaveLength(1);
  });

  test('ends the command at its time limit, or when it is cut short', async () => {
    for (const why of ['time', 'endDrain']) {
      const { server, work, folder, stop } = await setUpWorker();
      const job = server.addJob();
      const clock = new HandClock();
      const endDrain = new AbortController();
      const options = { once: false, drainMs: 60_000, endDrain: endDrain.signal, clock };
      const outcome = work(`echo $$ > ${folder}/pid; exec sleep 60`, options);
      const pid = await startedPid(`${folder}/pid`);
      stop.abort();
      clock.advance(59_000);
      expect(existsSync(`/proc/${pid}`)).toBe(true);
      if (why === 'endDrain') endDrain.abort();
      await vi.waitFor(() => {
        clock.advance(why === 'endDrain' ? 10 : 1000);
        expect(server.job(job.id).errorMessage).toBe('The worker was stopped.');
      }, 5000);
      expect(await outcome).toMatchObject({ stopped: 1 });
      await expectGone(pid);
      expect(clock.nextDueMs).toBeUndefined();
    }
  });
});

describe('the diff', () => {
  test('is not made when the option is off', async () => {
    const { server, work, folder } = await setUpWorker();
    execFileSync('git', ['init', '-q'], { cwd: folder });
    server.addJob();
    await work('echo new > new', { diff: false });
    expect(server.artifactNames()).toEqual(['log.log']);
    server.addJob();
    await work('echo newer > newer');
    expect(server.artifact('diff.diff').bytes.toString()).toMatch(/\+newer\n$/);
    expect(server.artifact('diff.diff').bytes.toString()).not.toContain('+new\n');
  });

  test('that cannot be made is a warning beside a job that succeeds', async () => {
    const { server, work, folder } = await setUpWorker();
    execFileSync('git', ['init', '-q'], { cwd: folder });
    writeFileSync(`${folder}/.git/config`, '[core');
    const job = server.addJob();
    expect(await work('true')).toMatchObject({ succeeded: 1 });
    expect(server.job(job.id).resultSummary).toContain('diff.diff was not deposited: git');
  });
});

describe('folders of jobs', () => {
  test('that cannot be created give the job back, and the worker pauses before the next claim', async () => {
    const { server, work, workRoot, stop } = await setUpWorker();
    for (let count = 0; count < 3; count += 1) server.addJob();
    const clock = new HandClock();
    // The first job removes its own job folder, so its output is lost. It still succeeds, because of `bestEffort`.
    const outcome = work(`rm -rf ${workRoot}; touch ${workRoot}`, { once: false, clock, bestEffort: true });
    await vi.waitFor(() => expect(server.requestsOf('failJob')).toHaveLength(1), 5000);
    await vi.waitFor(() => expect(clock.nextDueMs).toBe(10_000), 5000);
    expect(server.requestsOf('claimJob')).toHaveLength(2);
    clock.advance(10_000);
    await vi.waitFor(() => expect(server.requestsOf('failJob')).toHaveLength(2), 5000);
    stop.abort();
    expect(await outcome).toMatchObject({ succeeded: 1, failed: 2 });
    expect(server.requestsOf('failJob')[0]?.json['retryable']).toBe(true);
  });

  test('of ended workers are removed at the next start; those of running and unknown workers stay', async () => {
    const { server, work, workRoot, entries } = await setUpWorker();
    mkdirSync(workRoot, { recursive: true });
    const living = await WorkFolder.make(workRoot);
    const ownerOf = (folder: string) => path.join(workRoot, folder, 'owner.json');
    const own = JSON.parse(readFileSync(ownerOf(path.basename(living.root)), 'utf8')) as Record<string, unknown>;
    const ended = spawn('true');
    await new Promise((resolve) => ended.once('exit', resolve));
    const owners = {
      'proofhouse-job-ended': { ...own, pid: ended.pid },
      'proofhouse-job-reused': { ...own, started: '1' },
      'proofhouse-job-elsewhere': { ...own, pid: ended.pid, place: 'another machine' },
      'proofhouse-job-strange': { pid: 'x' },
      'else-job-ended': { ...own, pid: ended.pid },
    };
    for (const [name, owner] of Object.entries(owners)) {
      mkdirSync(path.join(workRoot, name, 'work'), { recursive: true });
      writeFileSync(ownerOf(name), JSON.stringify(owner));
    }
    mkdirSync(path.join(workRoot, 'proofhouse-job-nobodys'));
    server.addJob();
    await work('true');
    const kept = ['else-job-ended', 'proofhouse-job-elsewhere', 'proofhouse-job-nobodys', 'proofhouse-job-strange'];
    expect(readdirSync(workRoot).sort()).toEqual([...kept, path.basename(living.root)].sort());
    expect(entries.filter(({ message }) => message.startsWith('Removed '))).toHaveLength(2);
    await living.remove();
  });
});
