// Tests a client that a public generator creates from the OpenAPI document. The client must compile. It must be able to
// create a job and process it to its end.
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createClient } from '@hey-api/openapi-ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { adminToken, startTestServer, type TestServer } from './support/test-server.ts';

const root = resolve(import.meta.dirname, '../../..');

interface Answered {
  readonly response: Response;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the types are those of generated code.
  readonly data: any;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above.
  readonly error: any;
}
type Generated = Readonly<Record<string, (options: object) => Promise<Answered>>>;

let t: TestServer;
let folder: string;
let sdk: Generated;

beforeAll(async () => {
  t = await startTestServer();
  const document = await t.get('/api/openapi.json');
  // The folder is inside the repository, so that the compiler finds the types of the packages.
  await mkdir(join(root, '.cache'), { recursive: true });
  folder = await mkdtemp(join(root, '.cache', 'generated-client-'));
  await writeFile(join(folder, 'openapi.json'), document.text);
  await createClient({
    input: join(folder, 'openapi.json'),
    output: join(folder, 'out'),
    logs: { level: 'silent', file: false },
  });
  sdk = (await import(join(folder, 'out', 'sdk.gen.ts'))) as Generated;
});
afterAll(async () => {
  await t.close();
  await rm(folder, { recursive: true, force: true });
});

it('compiles under strict rules', () => {
  const options = [
    '--noEmit',
    '--strict',
    '--skipLibCheck',
    '--ignoreConfig',
    '--target',
    'es2024',
    '--module',
    'esnext',
  ];
  const more = ['--moduleResolution', 'bundler', '--lib', 'es2024,dom,dom.iterable'];
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { stdout } = spawnSync(process.execPath, [tsc, ...options, ...more, join(folder, 'out', 'sdk.gen.ts')], {
    encoding: 'utf8',
  });
  expect(stdout).toBe('');
});

it('creates, claims, uploads, notes, completes and reads back', async () => {
  const baseUrl = `http://127.0.0.1:${await t.listen()}`;
  const capability = t.unique('only');
  const worker = await t.worker({ capabilities: [capability] });
  const call = async (name: string, as: string, options: object = {}): Promise<Answered> => {
    const operation = sdk[name];
    if (operation === undefined) throw new Error(`the document has no operation ${name}`);
    const { headers, ...rest } = options as { headers?: object };
    return operation({ baseUrl, ...rest, headers: { ...headers, authorization: `Bearer ${as}` } });
  };

  const created = await call('createJob', adminToken, { body: { type: 'exec', requiredCapabilities: [capability] } });
  expect(created.response.status).toBe(201);
  const claimed = await call('claimJob', worker.token, { body: { leaseSeconds: 60 } });
  expect(claimed.data.job.id).toBe(created.data.id);
  const path = { jobId: created.data.id };
  const headers = { 'proofhouse-lease': claimed.data.job.leaseId };

  const form = { name: 'reports/form.txt', file: new Blob(['by form']), title: 'A form' };
  const byForm = await call('uploadArtifact', worker.token, { path, headers, body: form });
  expect(byForm.data).toMatchObject({ name: 'reports/form.txt', sizeBytes: 7, title: 'A form' });
  const byPut = await call('putArtifact', worker.token, {
    path: { ...path, name: 'raw.bin' },
    headers,
    body: new Blob(['raw bytes']),
  });
  expect(byPut.data).toMatchObject({ name: 'raw.bin', sizeBytes: 9 });
  const noted = await call('appendEvents', worker.token, { path, headers, body: { message: 'half way' } });
  expect(noted.response.status).toBe(201);
  const done = await call('completeJob', worker.token, { path, headers, body: { resultSummary: 'done' } });
  expect(done.data).toMatchObject({ status: 'succeeded', resultSummary: 'done' });

  const listed = await call('listJobArtifacts', adminToken, { path });
  expect(listed.data.items.map(({ name }: { name: string }) => name).sort()).toEqual(['raw.bin', 'reports/form.txt']);
  const fetched = await call('downloadArtifact', adminToken, { path: { ...path, artifactId: byPut.data.id } });
  expect([fetched.response.status, fetched.error]).toEqual([200, undefined]);
  expect(await (fetched.data as Blob).text()).toBe('raw bytes');
  const refused = await call('completeJob', worker.token, { path, headers: { 'proofhouse-lease': 'gone' }, body: {} });
  expect([refused.response.status, refused.error.code]).toEqual([409, 'lease_lost']);
});
