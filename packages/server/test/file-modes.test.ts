// Tests the access modes of the files of a server. The modes must be right for any umask of the process and any modes
// of existing files.
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { examine } from '@proofhouse/server';
import { ChildServer } from './support/child-server.ts';
import { adminToken } from './support/test-server.ts';

let folder: string;
let data: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'file-modes-'));
  data = path.join(folder, 'data');
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const modeOf = (...parts: string[]): string => (statSync(path.join(data, ...parts)).mode & 0o777).toString(8);

/**
 * Returns the modes of all files and folders below the data folder, by kind (`file` or `folder`) and top-level name.
 */
function modes(): Record<string, string[]> {
  const found: Record<string, Set<string>> = {};
  const note = (kind: string, mode: string): void => {
    (found[kind] ??= new Set()).add(mode);
  };
  for (const entry of readdirSync(data, { recursive: true, withFileTypes: true })) {
    const place = path.relative(data, path.join(entry.parentPath, entry.name));
    const top = place.split(path.sep)[0] ?? '';
    note(`${entry.isDirectory() ? 'folder' : 'file'} ${top}`, modeOf(place));
  }
  return Object.fromEntries(Object.entries(found).map(([kind, all]) => [kind, [...all].toSorted()]));
}

async function upload(url: string): Promise<void> {
  const headers = { authorization: `Bearer ${adminToken}` };
  const job = await fetch(`${url}/api/queue/jobs`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: '{"type":"exec"}',
  });
  const { id } = (await job.json()) as { id: string };
  const put = { method: 'PUT', headers, body: 'bytes' };
  expect((await fetch(`${url}/api/queue/jobs/${id}/artifacts/a/b.txt`, put)).status).toBe(201);
}

async function doctorSays(): Promise<{ outcome: string; text: string } | undefined> {
  for await (const { name, outcome, text } of examine({ env: { PROOFHOUSE_DATA_DIR: data }, flags: {} })) {
    if (name === 'modes') return { outcome, text };
  }
  return undefined;
}

describe.each(['000', '022'])('under the umask %s', (umask) => {
  it('database, log, index and lock are 0600, the data folder is 0700, blobs 0440 in folders of 0750', async () => {
    const server = new ChildServer(data, { UMASK: umask });
    try {
      await upload((await server.url()) ?? '');
      expect(modeOf()).toBe('700');
      const { 'file blobs': blobs, 'file artifacts': view, ...rest } = modes();
      expect(rest).toEqual({
        'file proofhouse.db': ['600'],
        'file proofhouse.db-wal': ['600'],
        'file proofhouse.db-shm': ['600'],
        'file proofhouse.db.lock': ['600'],
        'file proofhouse.db.lock-journal': ['600'],
        'folder blobs': ['750'],
        'folder artifacts': ['750'],
      });
      expect(blobs).toContain('440');
      expect(view).toContain('440');
      expect([...(blobs ?? []), ...(view ?? [])].filter((mode) => !['440', '640'].includes(mode))).toEqual([]);
      expect(await doctorSays()).toMatchObject({ outcome: 'ok' });
    } finally {
      await server.stop();
    }
  });

  it('what was there with wider modes is tightened, and the log says which', async () => {
    const first = new ChildServer(data);
    await upload((await first.url()) ?? '');
    await first.stop('SIGKILL');
    const wide = ['proofhouse.db', 'proofhouse.db-wal', 'proofhouse.db-shm', 'proofhouse.db.lock', 'blobs/blobs/a'];
    for (const name of wide) chmodSync(path.join(data, name), 0o777);
    chmodSync(data, 0o777);
    expect(await doctorSays()).toMatchObject({ outcome: 'note', text: expect.stringMatching(/next start tightens/) });
    const server = new ChildServer(data, { UMASK: umask });
    try {
      await server.url();
      expect(['', ...wide].map((name) => modeOf(name))).toEqual(['700', '600', '600', '600', '600', '750']);
      for (const name of wide) expect(server.stderr).toContain(`${path.join(data, name)}"`);
      expect(server.stderr).toContain('it was tightened');
    } finally {
      await server.stop();
    }
  });
});

it('a data folder that holds something else is left as it is, and doctor says what to do', async () => {
  mkdirSync(data, { mode: 0o755 });
  chmodSync(data, 0o755);
  writeFileSync(path.join(data, 'thesis.txt'), 'somebody else needs this');
  const server = new ChildServer(data);
  try {
    await server.url();
    expect([modeOf(), modeOf('proofhouse.db'), modeOf('thesis.txt')]).toEqual(['755', '600', '644']);
    expect(server.stderr).toContain('run chmod');
    expect(await doctorSays()).toMatchObject({ outcome: 'wrong', text: expect.stringMatching(/0755, at most 0700/) });
  } finally {
    await server.stop();
  }
});

it('a database of an older version, made under a wide umask, is still opened', async () => {
  mkdirSync(data);
  const database = new Database(path.join(data, 'proofhouse.db'));
  database.close();
  chmodSync(path.join(data, 'proofhouse.db'), 0o666);
  const server = new ChildServer(data);
  expect(await server.url()).toBeDefined();
  await server.stop();
  expect(modeOf('proofhouse.db')).toBe('600');
});
