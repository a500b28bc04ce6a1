import { normalizeArtifactName } from '@proofhouse/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ArtifactNames } from './artifact-names.ts';

const parts = (path: string | Buffer): Buffer[] => {
  const bytes = Buffer.from(path);
  const found: Buffer[] = [];
  for (let from = 0; ;) {
    const to = bytes.indexOf('/', from);
    if (to === -1) return [...found, bytes.subarray(from)];
    found.push(bytes.subarray(from, to));
    from = to + 1;
  }
};

function claimAll(...paths: (string | Buffer)[]) {
  const names = new ArtifactNames();
  return paths.map((path) => names.claim(parts(path)));
}

test('a name that is text and not taken is not changed', () => {
  for (const path of [
    'a.txt',
    'a/b c/d.txt',
    'cafe\u0301',
    'caf\u00e9',
    'a%20b',
    'a~2.txt',
    'Log.log',
    'sub/log.log',
  ]) {
    expect(claimAll(path)[0]).toEqual({ name: path, metadata: undefined });
  }
});

test('bytes that are not UTF-8 are percent-encoded, and the bytes of the name are in the metadata', () => {
  const path = Buffer.from('r\u00e9sum\u00e9/caf\xe9', 'latin1');
  expect(claimAll(path)[0]).toEqual({
    name: 'r%E9sum%E9/caf%E9',
    metadata: { nameEscaped: true, nameBytes: path.toString('hex') },
  });
  expect(claimAll(Buffer.concat([Buffer.from('€'), Buffer.from([0xe2, 0x82])]))[0]?.name).toBe('€%E2%82');
});

test('names that the server would refuse or change are percent-encoded', () => {
  const cases = {
    'a\\b': 'a%5Cb',
    'r.txt ': 'r.txt%20',
    ' r.txt': '%20r.txt',
    '\u00a0x\ufeff': '%C2%A0x%EF%BB%BF',
    'a\nb\u0085': 'a%0Ab%C2%85',
    'C:': 'C%3A',
    'c:/x': 'c%3A/x',
    ' ': '%20',
  };
  for (const [path, name] of Object.entries(cases)) {
    expect(claimAll(path)[0]).toMatchObject({ name, metadata: { nameEscaped: true } });
    expect(normalizeArtifactName(name)).toBe(name);
  }
});

test('two files never get one name, nor a file the name of a folder', () => {
  const literal = 'caf%E9';
  const bytes = Buffer.from('caf\xe9', 'latin1');
  expect(claimAll(literal, bytes).map(({ name }) => name)).toEqual(['caf%E9', 'caf%E9~2']);
  expect(claimAll('a\\b.txt', 'a/b.txt', 'a%5Cb.txt').map(({ name }) => name)).toEqual([
    'a%5Cb.txt',
    'a/b.txt',
    'a%5Cb~2.txt',
  ]);
  expect(claimAll('files', 'log.log').map(({ name }) => name)).toEqual(['files', 'files~2/log.log']);
  expect(claimAll('files/log.log', 'log.log').map(({ name }) => name)).toEqual(['files/log.log', 'files/log~2.log']);
});

test('names that are reserved for the worker are never given to an output file', () => {
  for (const path of [
    'log.log',
    'diff.diff',
    'diffs.json',
    'diffs',
    'diffs/a.diff',
    '.log/1/000001.log',
    'log.log/x',
  ]) {
    expect(claimAll(path)[0]).toEqual({ name: `files/${path}`, metadata: { originalName: path } });
  }
});

test('a part that encoding makes too long is truncated, and stays distinct', () => {
  const long = (last: number): Buffer => Buffer.concat([Buffer.alloc(250, 0xe9), Buffer.from([last])]);
  const [one, two] = claimAll(long(0x61), long(0x62));
  expect(one?.name).not.toBe(two?.name);
  for (const claimed of [one, two]) {
    expect(Buffer.byteLength(claimed?.name ?? '')).toBeLessThanOrEqual(255);
    expect(normalizeArtifactName(claimed?.name ?? '')).toBe(claimed?.name);
  }
});

test('metadata stays below its limit for the longest names', () => {
  const [claimed] = claimAll(Buffer.concat([Buffer.alloc(200, 0xe9), Buffer.from(`/${'x'.repeat(200)}`.repeat(10))]));
  expect(JSON.stringify(claimed?.metadata).length).toBeLessThan(1000);
  expect(claimed?.metadata).toMatchObject({ nameEscaped: true });
});

test('every path gets a distinct name that the server accepts unchanged', () => {
  const byte = fc.constantFrom(...Buffer.from('ab \\%~.\n:é\xe9', 'latin1'));
  const part = fc.array(byte, { minLength: 1, maxLength: 4 }).map((bytes) => Buffer.from(bytes));
  const isName = (one: Buffer): boolean => !['.', '..'].includes(one.toString());
  const path = fc.array(part.filter(isName), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(
      fc.uniqueArray(path, {
        selector: (one) => Buffer.concat(one.map((p) => Buffer.concat([p, Buffer.from('/')]))).toString('hex'),
        maxLength: 12,
      }),
      (paths) => {
        const names = new ArtifactNames();
        const claimed = paths.map((one) => names.claim(one).name);
        expect(new Set(claimed).size).toBe(claimed.length);
        for (const name of claimed) expect(normalizeArtifactName(name)).toBe(name);
      },
    ),
  );
});
