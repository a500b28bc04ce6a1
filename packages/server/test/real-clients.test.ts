// Tests uploads of third-party programs, exactly as these programs send them. The files are small and large, and
// connections are kept alive.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isInstalled } from './support/installed-program.ts';
import { adminToken, startTestServer, type TestServer } from './support/test-server.ts';
import { wireAdmin, WireExperiment } from './support/wire-experiment.ts';

const run = promisify(execFile);
// Only the Python of Debian surely has the needed libraries. PATH may contain another Python that lacks them.
const python = '/usr/bin/python3';
const script = join(import.meta.dirname, 'support/upload-many.py');

/** File sizes around the size of one read, of one buffer and of one packet. */
const sizes = [0, 1, 16_200, 16_300, 65_536, 70_000];
const rounds = 15;

let t: TestServer;
let url: string;
let jobId: string;
let experiment: WireExperiment;

beforeAll(async () => {
  t = await startTestServer();
  url = `http://127.0.0.1:${String(await t.listen())}`;
  jobId = (await t.enqueue()).id;
  experiment = await WireExperiment.make(t);
});
afterAll(async () => {
  await t.close();
});

const doors = {
  'the upload form': () => ({
    url: `${url}/api/queue/jobs/${jobId}/artifacts/upload`,
    headers: { authorization: `Bearer ${adminToken}` },
    fields: { name: t.unique('a.bin'), title: 'A title' },
  }),
  'the deposit form': () => ({
    url: url + experiment.path('/artifacts'),
    headers: { authorization: `Bearer ${wireAdmin}`, 'x-eden-experiment-id': experiment.id },
    fields: {},
  }),
};

describe.each(['httpx', 'aiohttp', 'requests'])("Python's %s", (library) => {
  const isThere = isInstalled(python, ['-c', `import ${library}`], `python3-${library}`);
  it.skipIf(!isThere).each(Object.entries(doors))('uploads every file through %s', async (_name, target) => {
    const { stdout } = await run(python, [script, library, JSON.stringify(target()), sizes.join(','), String(rounds)]);
    expect(JSON.parse(stdout)).toEqual({ '201': sizes.length * rounds });
  });
});

describe.skipIf(!isInstalled('curl', ['--version'], 'curl'))('curl', () => {
  it.each(Object.entries(doors))('uploads every file through %s', async (_name, doorOf) => {
    const { url: target, headers, fields } = doorOf();
    const calls = sizes.flatMap((size) => {
      const file = join(t.folder, `${String(size)}.bin`);
      writeFileSync(file, Buffer.alloc(size, 'bytes\r\n--'));
      const form = [...Object.entries(fields), ['file', `@${file}`]].flatMap(([name, value]) => [
        '-F',
        `${String(name)}=${String(value)}`,
      ]);
      const lines = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
      return Array.from({ length: rounds }, () => ['-w', '%{http_code} %{num_connects}\n', ...lines, ...form, target]);
    });
    const args = calls.flatMap((call, index) => [...(index === 0 ? [] : ['--next']), '-s', '-o', '/dev/null', ...call]);
    const { stdout } = await run('curl', args);
    const answers = stdout.trim().split('\n');
    expect(answers.filter((answer) => !answer.startsWith('201 '))).toEqual([]);
    expect(answers).toHaveLength(sizes.length * rounds);
    // The last field of each line is the number of new connections. Only one line has 1, so curl used one connection
    // for all uploads.
    expect(answers.filter((answer) => answer.endsWith(' 1'))).toHaveLength(1);
  });
});
