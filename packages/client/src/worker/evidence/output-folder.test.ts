import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { setUpWorker } from '../../testing/worker-trial.ts';
import { removeTree } from '../remove-tree.ts';

const outputFolder = 'cd "$PROOFHOUSE_OUTPUT_DIR"';

/**
 * A Node script that creates nested folders, until the innermost path is longer than PATH_MAX. A shell cannot do this.
 */
const diving = `for (let i = 0; i < 60; i++) { fs.mkdirSync("d".repeat(200)); process.chdir("d".repeat(200)); } fs.writeFileSync("deep", "x")`;

describe('the output folder', () => {
  test('is collected completely whatever its names are, and no folder is left behind', async () => {
    const { server, work, workRoot } = await setUpWorker();
    const job = server.addJob();
    const script = `${outputFolder}; echo 1 > a.txt; mkdir "$(printf 'caf\\351')"; echo 2 > "$(printf 'caf\\351/x')"; echo 3 > "$(printf 'b\\\\c')"; mkdir b; echo 4 > b/c; echo 5 > 'r.txt '; echo 6 > r.txt; echo 7 > z-junit.xml`;
    expect(await work(script)).toMatchObject({ succeeded: 1 });
    const texts = Object.fromEntries(
      server.artifacts.map(({ record, bytes }) => [record.name, bytes.toString().trim()]),
    );
    expect(texts).toEqual({
      'log.log': '',
      'a.txt': '1',
      'b/c': '4',
      'b%5Cc': '3',
      'caf%E9/x': '2',
      'r.txt': '6',
      'r.txt%20': '5',
      'z-junit.xml': '7',
    });
    expect(server.artifact('caf%E9/x').record.metadata).toEqual({ nameEscaped: true, nameBytes: '636166e92f78' });
    const { resultSummary } = server.job(job.id);
    expect(resultSummary).toContain('"b\\\\c" of the output folder is the artifact b%5Cc');
    expect(resultSummary).toContain('"r.txt " of the output folder is the artifact r.txt%20');
    expect(resultSummary).toContain('caf%E9/x is an escaped name');
    expect(await readdir(workRoot)).toEqual([]);
  });

  test("may hold files with the names of the worker's artifacts: both are kept, under distinct names", async () => {
    const { server, work, folder } = await setUpWorker();
    spawnSync('git', ['init', '-q'], { cwd: folder });
    const job = server.addJob();
    await work(
      `echo said; echo new > ${folder}/new; ${outputFolder}; echo mine > log.log; echo mine > diff.diff; mkdir diffs files; echo mine > diffs/x.diff; echo theirs > files/log.log`,
    );
    expect(server.artifactNames().filter((name, at, all) => all.indexOf(name) !== at)).toEqual([]);
    expect(server.artifact('log.log').bytes.toString()).toBe('said\n');
    expect(server.artifact('diff.diff').bytes.toString()).toContain('+new');
    expect(server.artifact('files/diff.diff').bytes.toString()).toBe('mine\n');
    expect(server.artifact('files/diff.diff').record).toMatchObject({
      type: 'other',
      metadata: { originalName: 'diff.diff' },
    });
    expect(server.artifact('files/diffs/x.diff').bytes.toString()).toBe('mine\n');
    expect(server.artifact('files/log.log').bytes.toString()).toBe('theirs\n');
    expect(server.artifact('files/log~2.log').bytes.toString()).toBe('mine\n');
    expect(server.job(job.id).resultSummary).toContain('log.log of the output folder is the artifact files/log~2.log');
  });

  test('reports pipes, sockets and symbolic links as left out, and the job succeeds', async () => {
    const { server, work, folder } = await setUpWorker();
    const job = server.addJob();
    writeFileSync(path.join(folder, 'private'), 'secret');
    const listen = `require("net").createServer().listen("socket", () => process.exit())`;
    const script = `${outputFolder}; mkfifo pipe; ln -s ${folder}/private outside; ln -s . loop; ln -s nowhere broken; ${process.execPath} -e '${listen}'; echo ok > z`;
    expect(await work(script)).toMatchObject({ succeeded: 1 });
    expect(server.artifactNames()).toEqual(['log.log', 'z']);
    const { resultSummary } = server.job(job.id);
    expect(resultSummary).toContain('pipe was left out: it is a pipe');
    for (const link of ['outside', 'loop', 'broken']) {
      expect(resultSummary).toContain(`${link} was left out: it is a symbolic link`);
    }
  });

  test('loses only the files whose paths are too long to read, and is removed all the same', async () => {
    const { server, work, workRoot } = await setUpWorker();
    const job = server.addJob();
    const script = `${outputFolder}; ${process.execPath} -e '${diving}'; echo z > z`;
    expect(await work(script)).toMatchObject({ failed: 1 });
    expect(server.artifactNames()).toEqual(['log.log', 'z']);
    expect(server.job(job.id).errorMessage).toMatch(/\nd+…d+ was not deposited: ENAMETOOLONG: name too long$/);
    expect(server.requestsOf('failJob')[0]?.json['retryable']).toBe(false);
    expect(await readdir(workRoot)).toEqual([]);
  });

  test('that is swapped for a symbolic link is lost, and nothing behind the link is deposited', async () => {
    const { server, work, folder } = await setUpWorker();
    const job = server.addJob();
    writeFileSync(path.join(folder, 'private'), 'secret');
    for (const script of [
      `rm -rf "$PROOFHOUSE_OUTPUT_DIR"; ln -s ${folder} "$PROOFHOUSE_OUTPUT_DIR"`,
      `root="$(dirname "$PROOFHOUSE_OUTPUT_DIR")"; mkdir ${folder}/output; mv "$root" ${folder}/moved; ln -s ${folder} "$root"`,
    ]) {
      server.jobs.set(job.id, { ...job });
      expect(await work(script)).toMatchObject({ failed: 1 });
      expect(server.job(job.id).errorMessage).toMatch(/The output folder was not deposited: .*was replaced/);
    }
    expect(new Set(server.artifactNames())).toEqual(new Set(['log.log']));
  });

  test('that the command removed is lost evidence', async () => {
    const { server, work } = await setUpWorker();
    const job = server.addJob();
    expect(await work('rm -rf "$PROOFHOUSE_OUTPUT_DIR"')).toMatchObject({ failed: 1 });
    expect(server.job(job.id).errorMessage).toContain('The output folder was not deposited: ENOENT');
  });
});

describe('a folder that is removed', () => {
  test('may be unreadable, deeper than PATH_MAX, and hold names that are not text', async () => {
    const { folder } = await setUpWorker();
    const place = path.join(folder, 'place');
    mkdirSync(path.join(place, 'a/b'), { recursive: true });
    symlinkSync(folder, path.join(place, 'a/link'));
    writeFileSync(Buffer.concat([Buffer.from(`${place}/a/`), Buffer.from([0xff])]), '');
    expect(spawnSync(process.execPath, ['-e', `${diving}; fs.chmodSync(".", 0)`], { cwd: place }).status).toBe(0);
    chmodSync(path.join(place, 'a/b'), 0);
    chmodSync(path.join(place, 'a'), 0);
    await removeTree(place);
    await removeTree(place);
    expect(await readdir(folder)).toEqual([]);
  });
});
