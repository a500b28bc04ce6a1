// Tests that a deposit is not lost when the server that accepted it is lost (seed 002: bytes survive the loss of an
// instance).
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ServerProcess } from '../../../scripts/chaos/server-process.ts';

let folder: string;
let started: ServerProcess[];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'proofhouse-survival-'));
  started = [];
});
afterEach(async () => {
  await Promise.all(started.map((server) => server.kill()));
  await rm(folder, { recursive: true, force: true });
});

async function start(): Promise<ServerProcess> {
  const server = await ServerProcess.mustStart({ PROOFHOUSE_DATA_DIR: folder });
  started.push(server);
  return server;
}

const asJson = { 'content-type': 'application/json' };

it('deposits, credentials, grants and groups are there after a kill at the moment of the answer', async () => {
  const first = await start();
  const made = await first.fetch('/api/experiments', { method: 'POST', headers: asJson, body: '{}' });
  const { experimentId } = (await made.json()) as { experimentId: string };
  const base = `/v0/experiments/${experimentId}`;
  const frame = { 'x-eden-experiment-id': experimentId };
  const call = async (server: ServerProcess, as: string, below: string, init: RequestInit = {}): Promise<Response> => {
    const headers = {
      ...frame,
      authorization: `Bearer ${as}`,
      ...(init.headers as Record<string, string> | undefined),
    };
    return server.fetch(`${base}${below}`, { ...init, headers });
  };
  const admin = 'admin:chaos-admin-token-of-forty-characters-00';
  const register = async (): Promise<{ id: string; credential: string }> => {
    const answer = await call(first, admin, '/workers', { method: 'POST', headers: asJson, body: '{}' });
    const { worker_id: id, registration_token: token } = (await answer.json()) as Record<string, string>;
    return { id: String(id), credential: `${String(id)}:${String(token)}` };
  };
  const depositor = await register();
  const reader = await register();
  const stranger = await register();
  const deposits: { uri: string; text: string }[] = [];
  for (let count = 0; count < 5; count++) {
    const text = `deposit ${String(count)} ${'x'.repeat(count * 100_000)}`;
    const form = new FormData();
    form.set('file', new Blob([text]), 'a.txt');
    const answer = await call(first, depositor.credential, '/artifacts', { method: 'POST', body: form });
    deposits.push({ uri: ((await answer.json()) as { artifacts_uri: string }).artifacts_uri, text });
  }
  const grant = { method: 'POST', headers: asJson, body: JSON.stringify({ uri: deposits[0]?.uri, reader: reader.id }) };
  expect((await call(first, depositor.credential, '/artifacts/grants', grant)).status).toBe(200);
  await first.kill();

  const second = await start();
  const fetched = async (as: string, uri: string): Promise<Response> =>
    call(second, as, `/artifacts?uri=${encodeURIComponent(uri)}`);
  for (const { uri, text } of deposits) expect(await (await fetched(depositor.credential, uri)).text()).toBe(text);
  expect((await fetched(reader.credential, deposits[0]!.uri)).status).toBe(200);
  expect((await fetched(reader.credential, deposits[1]!.uri)).status).toBe(403);
  expect((await fetched(stranger.credential, deposits[0]!.uri)).status).toBe(403);
  expect((await call(second, admin, '/groups/admins')).status).toBe(200);
}, 60_000);

it('a kill in the middle of many deposits leaves none that was answered without its bytes, and no record without them', async () => {
  const first = await start();
  const made = await first.fetch('/api/experiments', { method: 'POST', headers: asJson, body: '{}' });
  const { experimentId } = (await made.json()) as { experimentId: string };
  const place = `/v0/experiments/${experimentId}/artifacts`;
  const frame = {
    'x-eden-experiment-id': experimentId,
    authorization: 'Bearer admin:chaos-admin-token-of-forty-characters-00',
  };
  const answered = new Map<string, number>();
  // The deposits have different sizes. So the kill interrupts them in different steps: while a file is staged, while a
  // blob is written, and while a record is written.
  const deposit = async (index: number): Promise<void> => {
    const sizeBytes = 1000 + (index % 7) * 300_000;
    const form = new FormData();
    form.set('file', new Blob([Buffer.alloc(sizeBytes, index % 251)]), 'a');
    const answer = await first.fetch(place, { method: 'POST', body: form, headers: frame });
    if (answer.status !== 201) throw new Error(await answer.text());
    answered.set(((await answer.json()) as { artifacts_uri: string }).artifacts_uri, sizeBytes);
  };
  const kill: { done?: Promise<unknown> } = {};
  const depositors = Array.from({ length: 8 }, async (_, depositor) => {
    for (let index = depositor; ; index += 8) {
      const failure = await deposit(index).catch((error: unknown) => error);
      if (answered.size >= 20) kill.done ??= first.kill();
      if (kill.done !== undefined) return;
      if (failure !== undefined) throw failure;
    }
  });
  await Promise.all(depositors);
  await kill.done;

  const second = await start();
  const sizes = new Map<string, number>();
  let cursor = '';
  do {
    const list = await second.fetch(`/api/artifacts?experimentId=${experimentId}&limit=50${cursor}`);
    const page = (await list.json()) as { artifacts: { uri: string; sizeBytes: number }[]; nextCursor: string | null };
    for (const { uri, sizeBytes } of page.artifacts) sizes.set(uri, sizeBytes);
    cursor = page.nextCursor === null ? '' : `&cursor=${page.nextCursor}`;
  } while (cursor !== '');
  expect(answered.size).toBeGreaterThanOrEqual(20);
  for (const [uri, sizeBytes] of answered) expect(sizes.get(uri)).toBe(sizeBytes);
  for (const [uri, sizeBytes] of sizes) {
    const bytes = Buffer.from(
      await (await second.fetch(`${place}?uri=${encodeURIComponent(uri)}`, { headers: frame })).arrayBuffer(),
    );
    expect(bytes.equals(Buffer.alloc(sizeBytes, bytes[0]))).toBe(true);
  }
}, 60_000);
