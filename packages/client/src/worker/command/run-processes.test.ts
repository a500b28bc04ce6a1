import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { HandClock } from '../../testing/hand-clock.ts';
import { expectGone, setUpWorker, startedPid } from '../../testing/worker-trial.ts';
import { RunProcesses } from './run-processes.ts';

/** Returns a shell script that writes its process id into a file atomically, then sleeps. */
const staying = (file: string): string => `echo $$ > ${file}.new; mv ${file}.new ${file}; exec sleep 600`;

const processesWith = (text: string): string[] =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`).includes(text);
    } catch {
      return false;
    }
  });

test('a child that leaves the process group in any way is killed with its job', async () => {
  const { server, work, folder } = await setUpWorker();
  writeFileSync(`${folder}/stay`, staying(`${folder}/doubleFork`));
  const ways = {
    session: `setsid sh -c '${staying(`${folder}/session`)}' > /dev/null 2>&1 &`,
    doubleFork: `(setsid sh -c 'sh ${folder}/stay &' &);`,
    holdsOutput: `setsid sh -c '${staying(`${folder}/holdsOutput`)}' &`,
  };
  for (const [name, way] of Object.entries(ways)) {
    const job = server.addJob();
    expect(await work(`${way} until [ -e ${folder}/${name} ]; do sleep 0.02; done; echo done`)).toMatchObject({
      succeeded: 1,
    });
    await expectGone(await startedPid(`${folder}/${name}`));
    expect(processesWith(job.id)).toEqual([]);
  }
});

test('a child that clears its environment is killed where the run has a cgroup', async (context) => {
  const probe = RunProcesses.open(`probe-${process.pid}`);
  const hasCgroup = probe.cgroup !== undefined;
  await probe.end();
  if (!hasCgroup) {
    process.stderr.write('Children that clear their environment were not tried: no cgroup can be made here.\n');
    context.skip();
  }
  const { server, work, folder } = await setUpWorker();
  server.addJob();
  const command = `env -i PATH="$PATH" setsid sh -c '${staying(`${folder}/pid`)}' &`;
  await work(`${command} until [ -e ${folder}/pid ]; do sleep 0.02; done`);
  await expectGone(await startedPid(`${folder}/pid`));
});

test('the cgroup of a run is removed with it, and that of a killed worker by the next run', async (context) => {
  const first = RunProcesses.open('first');
  const own = first.cgroup;
  await first.end();
  if (own === undefined) context.skip();
  const ended = spawnSync('true');
  const left = path.join(path.dirname(own ?? ''), `proofhouse-${ended.pid}-left`);
  const living = path.join(path.dirname(own ?? ''), `proofhouse-${process.pid}-living`);
  for (const folder of [left, living]) mkdirSync(folder);
  await RunProcesses.open('second').end();
  expect([own ?? '', left, living].map((folder) => existsSync(folder))).toEqual([false, false, true]);
  rmdirSync(living);
});

test('when its job is cancelled, a child outside the group gets SIGTERM and the grace period', async () => {
  const { server, client, work, folder } = await setUpWorker();
  const job = server.addJob();
  const child = `trap 'echo told >> ${folder}/told; exit' TERM; echo $$ > ${folder}/pid.new; mv ${folder}/pid.new ${folder}/pid; while :; do sleep 0.05; done`;
  writeFileSync(`${folder}/child`, child);
  const outcome = work(
    `setsid sh ${folder}/child & trap 'echo group >> ${folder}/told; exit' TERM; while :; do sleep 0.05; done`,
    {
      leaseSeconds: 1,
      graceMs: 10_000,
    },
  );
  const pid = await startedPid(`${folder}/pid`);
  await client.jobs.cancel(job.id);
  expect(await outcome).toMatchObject({ cancelled: 1 });
  await expectGone(pid);
  expect(readFileSync(`${folder}/told`, 'utf8').split('\n').sort()).toEqual(['', 'group', 'told']);
});

test('a child outside the group that ignores SIGTERM is killed after the grace period', async () => {
  const { server, work, folder } = await setUpWorker();
  server.addJob();
  const clock = new HandClock();
  const outcome = work(
    `setsid sh -c 'trap "" TERM; echo $$ > ${folder}/pid.new; mv ${folder}/pid.new ${folder}/pid; while :; do sleep 0.05; done' & exec sleep 600`,
    { commandTimeoutMs: 1000, clock },
  );
  const pid = await startedPid(`${folder}/pid`);
  clock.advance(1000);
  await vi.waitFor(() => {
    clock.advance(50);
    expect(server.requestsOf('failJob')).toHaveLength(1);
  }, 5000);
  await outcome;
  await expectGone(pid);
});

test('the processes of another job, and of a worker that is itself a command, are not signalled', async () => {
  const { server, work, folder, stop } = await setUpWorker();
  server.addJob();
  const long = work(`echo $$ > ${folder}/pid; exec sleep 600`, {
    env: { PATH: process.env['PATH'], PROOFHOUSE_RUN: 'outer' },
  });
  const pid = await startedPid(`${folder}/pid`);
  expect(readFileSync(`/proc/${pid}/environ`, 'latin1')).toMatch(/PROOFHOUSE_RUN=outer,[0-9a-f]{32}\0/);
  server.addJob();
  expect(await work('true')).toMatchObject({ succeeded: 1 });
  expect(readFileSync(`/proc/${pid}/stat`, 'utf8')).toMatch(/\) [SR] /);
  stop.abort();
  await long;
  await expectGone(pid);
});
