import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { AppError, errorTable, problemOf, type ErrorCode } from '@proofhouse/core';
import { refuse, type FakeServer } from '../../testing/fake-server.ts';
import { setUpWorker } from '../../testing/worker-trial.ts';

const outputFolder = 'cd "$PROOFHOUSE_OUTPUT_DIR"';

/**
 * Makes the fake server refuse uploads of more than `limitBytes`, as a raw body and as a form. The error contains this
 * limit.
 */
function limitUploads(server: FakeServer, limitBytes: number): void {
  server.interfere = (operation, request, response) => {
    if (operation !== 'putArtifact' && operation !== 'uploadArtifact') return false;
    const slack = operation === 'uploadArtifact' ? 2000 : 0;
    if (Number(request.headers['content-length']) <= limitBytes + slack) return false;
    const problem = problemOf(new AppError('artifact_too_large', 'It is too large.', { details: { limitBytes } }));
    response.writeHead(413, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem));
    return true;
  };
}

function refuseUploadsOf(server: FakeServer, name: string, code: ErrorCode): void {
  server.interfere = (operation, request, response) =>
    operation === 'putArtifact' && (request.url ?? '').includes(name) && refuse(response, code);
}

describe('a job whose evidence was refused or lost', () => {
  test('fails although its command succeeded, names both, and is not retried when a retry cannot help', async () => {
    for (const code of ['artifact_too_large', 'invalid_artifact_name', 'digest_mismatch', 'secret_found'] as const) {
      const { server, work } = await setUpWorker();
      const job = server.addJob();
      refuseUploadsOf(server, 'proof', code);
      expect(await work(`${outputFolder}; echo 1 > a; echo 2 > proof`)).toMatchObject({ succeeded: 0, failed: 1 });
      const { errorMessage } = server.job(job.id);
      expect(errorMessage).toMatch(
        /^The command exited with code 0\. But 1 piece of evidence could not be deposited, so the job failed\.\nproof was not deposited: /,
      );
      expect(errorMessage).toContain(errorTable[code].sentence);
      expect(server.requestsOf('failJob')[0]?.json['retryable']).toBe(false);
      expect(server.artifactNames()).toEqual(['log.log', 'a']);
    }
  });

  test('may be retried when every cause is temporary', async () => {
    for (const code of ['storage_full', 'internal', 'unavailable', 'too_busy'] as const) {
      const { server, work } = await setUpWorker();
      server.addJob();
      refuseUploadsOf(server, 'proof', code);
      await work(`${outputFolder}; echo 2 > proof`);
      expect(server.requestsOf('failJob')[0]?.json['retryable']).toBe(true);
    }
    const { server, work } = await setUpWorker();
    server.addJob();
    server.interfere = (operation, request) => {
      const isProof = operation === 'putArtifact' && (request.url ?? '').includes('proof');
      if (isProof) request.socket.destroy();
      return isProof;
    };
    await work(`${outputFolder}; echo 2 > proof`);
    expect(server.requestsOf('failJob')[0]?.json['retryable']).toBe(true);
  });

  test('succeeds with best effort, and its result begins with the loss', async () => {
    const { server, work } = await setUpWorker();
    const job = server.addJob();
    refuseUploadsOf(server, 'proof', 'artifact_too_large');
    expect(await work(`${outputFolder}; echo 2 > proof`, { bestEffort: true })).toMatchObject({ succeeded: 1 });
    expect(server.job(job.id).resultSummary).toMatch(
      /^Best effort: 1 piece of evidence could not be deposited\. The command exited with code 0\. 1 artifact deposited\.\nproof was not/,
    );
  });

  test('keeps the exit code of a command that failed by itself', async () => {
    const { server, work } = await setUpWorker();
    const job = server.addJob();
    refuseUploadsOf(server, 'proof', 'storage_full');
    await work(`${outputFolder}; echo 2 > proof; exit 7`);
    expect(server.job(job.id).errorMessage).toMatch(/^The command exited with code 7\.\nproof was not deposited/);
    expect(server.requestsOf('failJob')[0]?.json['retryable']).toBe(false);
  });
});

describe('a log that is larger than the server accepts', () => {
  test('keeps whole lines of its beginning and its end, and states how much is missing', async () => {
    const { server, work } = await setUpWorker();
    const job = server.addJob();
    limitUploads(server, 2000);
    expect(await work('seq 1 5000')).toMatchObject({ succeeded: 1 });
    const { record, bytes } = server.artifact('log.log');
    const whole = Buffer.from(Array.from({ length: 5000 }, (_, at) => `${at + 1}\n`).join(''));
    expect(bytes.length).toBeLessThanOrEqual(2000);
    expect(bytes.length).toBeGreaterThan(1800);
    const [, head = '', missingBytes, missingLines, tail = ''] =
      /^((?:\d+\n)+)\[proofhouse: (\d+) bytes \((\d+) lines\) are missing here\]\n((?:\d+\n)+)$/.exec(
        bytes.toString(),
      ) ?? [];
    expect(head.length + tail.length + Number(missingBytes)).toBe(whole.length);
    expect(head.split('\n').length - 1 + tail.split('\n').length - 1 + Number(missingLines)).toBe(5000);
    expect(head.startsWith('1\n2\n')).toBe(true);
    expect(tail.endsWith('\n5000\n')).toBe(true);
    expect(record.metadata).toEqual({
      truncated: true,
      logBytes: whole.length,
      missingBytes: Number(missingBytes),
      missingLines: Number(missingLines),
    });
    expect(record.type).toBe('log');
    expect(server.job(job.id).resultSummary).toContain(`log.log is cut: it had ${whole.length} bytes`);
  });

  test('is cut between characters when it has no lines, and fits very small limits', async () => {
    const { server, work } = await setUpWorker();
    server.addJob();
    limitUploads(server, 301);
    await work(`printf 'é%.0s' $(seq 1 400)`);
    const text = server.artifact('log.log').bytes.toString();
    expect(text).toMatch(/^é+\n\[proofhouse: \d+ bytes \(0 lines\) are missing here\]\né+$/);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(301);
  });

  test('is retried in smaller sizes behind a proxy that does not name its limit', async () => {
    const { server, work } = await setUpWorker();
    server.addJob();
    server.interfere = (_operation, request, response) => {
      const large = Number(request.headers['content-length']) > 50_000;
      if (large) response.writeHead(413, { 'content-type': 'text/html' }).end('<h1>413</h1>');
      return large;
    };
    expect(await work('seq 1 100000')).toMatchObject({ succeeded: 1 });
    expect(server.artifact('log.log').record.metadata).toMatchObject({ truncated: true });
  });

  test('is lost where not even one line fits', async () => {
    const { server, work } = await setUpWorker();
    const job = server.addJob();
    limitUploads(server, 100);
    expect(await work('seq 1 1000')).toMatchObject({ failed: 1 });
    expect(server.job(job.id).errorMessage).toContain('log.log was not deposited');
  });
});

describe('the log on the disk of the worker', () => {
  test('never exceeds its limit, and both ends of the output are kept', async () => {
    const { server, work, folder } = await setUpWorker();
    server.addJob();
    const maxLogBytes = 256 * 1024;
    const size = `stat -c %s "$(dirname "$PROOFHOUSE_JOB_FILE")/scratch/log.log" > ${folder}/size`;
    await work(`echo first; yes 0123456789012345678901234567890 | head -c 64000000; echo last; sleep 0.2; ${size}`, {
      maxLogBytes,
    });
    const { record, bytes } = server.artifact('log.log');
    expect(bytes.length).toBeLessThanOrEqual(maxLogBytes);
    expect(bytes.length).toBeGreaterThan(maxLogBytes - 1000);
    expect(bytes.toString()).toMatch(/^first\n0123[^]*\n\[proofhouse: \d+ bytes[^]*\nlast\n$/);
    expect(record.metadata).toMatchObject({ truncated: true, logBytes: 64_000_011 });
    expect(Number(execFileSync('cat', [`${folder}/size`]).toString())).toBeLessThanOrEqual(maxLogBytes);
  });

  test('contains what was written to /dev/stdout and /dev/stderr, in order with the rest', async () => {
    const { server, work } = await setUpWorker();
    server.addJob();
    await work('echo 1; echo 2 > /dev/stderr; echo 3 >&2; echo 4 > /dev/stdout; echo 5');
    expect(server.artifact('log.log').bytes.toString()).toBe('1\n2\n3\n4\n5\n');
  });

  test('is kept when the command removes it or replaces it', async () => {
    const { server, work } = await setUpWorker();
    server.addJob();
    await work(
      'echo before; cd "$(dirname "$PROOFHOUSE_JOB_FILE")/scratch"; rm -f *; echo forged > log.log; echo after',
    );
    expect(server.artifact('log.log').bytes.toString()).toBe('before\nafter\n');
  });

  test('is complete where there are no named pipes', async () => {
    const { server, work } = await setUpWorker();
    server.addJob();
    const { PATH } = process.env;
    await work('', {
      command: ['/bin/sh', '-c', `PATH=${PATH}; echo 1; echo 2 >&2; seq 1 1000`],
      env: { PATH: '/nowhere' },
    });
    expect(server.artifact('log.log').bytes.toString()).toMatch(/^1\n2\n1\n2\n3\n[^]*\n1000\n$/);
  });
});

describe('a disk that is full when the command ends', () => {
  const tiny = (): string | undefined => {
    const folder = path.join(import.meta.dirname, `.tiny-${process.pid}`);
    mkdirSync(folder, { recursive: true });
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=0777', 'tmpfs', folder]).status === 0;
    onTestFinished(() => {
      if (mounted) execFileSync('umount', [folder]);
      execFileSync('rmdir', [folder]);
    });
    if (mounted) return folder;
    process.stderr.write('A full disk was not tried: a tmpfs cannot be mounted here.\n');
    return undefined;
  };

  test('is detected: the job fails with the reason, and may be retried', async () => {
    const workRoot = tiny();
    if (workRoot === undefined) return;
    const { server, work } = await setUpWorker();
    const job = server.addJob();
    expect(
      await work(`${outputFolder}; head -c 4000000 /dev/zero > big 2>/dev/null; : > proof; true`, { workRoot }),
    ).toMatchObject({ failed: 1, succeeded: 0 });
    expect(server.job(job.id).errorMessage).toMatch(/What was written last was not deposited: .* is full \(ENOSPC\)/);
    expect(server.requestsOf('failJob')[0]?.json['retryable']).toBe(true);
    expect(server.artifactNames()).toContain('proof');
  });

  test('leaves a log that states where its end is missing', async () => {
    const workRoot = tiny();
    if (workRoot === undefined) return;
    const { server, work } = await setUpWorker();
    const job = server.addJob();
    expect(await work('seq 1 400000; exit 0', { workRoot })).toMatchObject({ failed: 1 });
    expect(server.job(job.id).errorMessage).toContain('The end of log.log was not deposited: ENOSPC');
    const { record, bytes } = server.artifact('log.log');
    expect(bytes.toString()).toMatch(
      /^1\n2\n3\n[^]*\n\[proofhouse: the end is missing: .* \d+ bytes are missing in all\]\n$/,
    );
    expect(record.metadata).toMatchObject({ truncated: true, logBytes: 2_688_895 });
  });

  test('gives a claimed job back, and leaves no folder', async () => {
    const workRoot = tiny();
    if (workRoot === undefined) return;
    const { server, work, stop } = await setUpWorker();
    const job = server.addJob();
    writeFileSync(path.join(workRoot, 'filler'), Buffer.alloc(1_048_576));
    const outcome = work('true', { workRoot });
    await vi.waitFor(() => expect(server.requestsOf('failJob')).toHaveLength(1));
    stop.abort();
    expect(await outcome).toMatchObject({ failed: 1 });
    expect(server.requestsOf('failJob')[0]?.json['retryable']).toBe(true);
    expect(server.job(job.id).status).toBe('queued');
    expect(execFileSync('ls', [workRoot]).toString()).toBe('filler\n');
  });
});
