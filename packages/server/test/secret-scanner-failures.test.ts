// Tests a thread that scans for secrets and throws, ends or hangs: what the server then answers and stores.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { longestAnswerMs } from '../src/secrets/secret-threads.ts';
import { forAnyStore } from './support/for-each-store.ts';
import { githubToken } from './support/secret-samples.ts';
import type { Answer, TestServer } from './support/test-server.ts';
import { WireExperiment } from './support/wire-experiment.ts';

const secretScript = path.resolve(import.meta.dirname, '../src/secrets/testing/troubled-thread.ts');

/** Calls with a text that is too long to be scanned on the event loop. */
const doors: Readonly<Record<string, (t: TestServer, text: string) => Promise<Answer>>> = {
  'a PUT': async (t, file) => t.put((await t.enqueue()).id, { name: t.unique('a'), file }),
  'a form': async (t, file) => t.upload((await t.enqueue()).id, { name: t.unique('a'), file }),
  'a deposit on /v0': async (t, value) => (await WireExperiment.make(t)).send([{ name: 'file', value }]),
  'a payload': (t, text) => t.post('/api/queue/jobs', { type: 'exec', payload: { text } }),
  'a result': async (t, text) => {
    const { job, worker, lease } = await t.running({}, 3600);
    const headers = { 'proofhouse-lease': lease };
    return t.post(`/api/queue/jobs/${job.id}/complete`, { resultSummary: text.slice(0, 8000) }, worker, headers);
  },
};

const filler = 'a line of text\n'.repeat(1500);
const cases = ['make-it-throw', 'make-it-end', 'make-it-hang'].flatMap((word) =>
  Object.entries(doors).map(([door, call]) => ({ word, door, call })),
);

/**
 * Returns the answer to a call. Advances the clock by the time limit of a thread, so that a thread that hangs is ended.
 */
async function withTime(t: TestServer, word: string, call: () => Promise<Answer>): Promise<Answer> {
  const state = { isAnswered: false };
  const answer = call().finally(() => {
    state.isAnswered = true;
  });
  if (word !== 'make-it-hang') return answer;
  while (!state.isAnswered) {
    // Other requests must be answered while the thread hangs. The call has reached the thread by then.
    for (let request = 0; request < 10; request += 1) expect((await t.get('/healthz')).status).toBe(200);
    const short = await t.put((await t.enqueue()).id, { name: t.unique('short'), file: 'short' });
    expect(short.status).toBe(201);
    t.clock.advance(longestAnswerMs);
  }
  return answer;
}

async function expectScansAgain(t: TestServer): Promise<void> {
  const found = await t.put((await t.enqueue()).id, { name: t.unique('a'), file: `${filler}${githubToken(1)}` });
  if (found.status === 422) expect(found.json).toMatchObject({ code: 'secret_found' });
  else expect(await findingsOf(t, found)).toMatchObject({ secrets: [{ rule: 'github-token' }], unscanned: [] });
}

async function findingsOf(t: TestServer, answer: Answer): Promise<unknown> {
  if (answer.json.findings !== undefined) return answer.json.findings;
  const { artifacts } = (await t.get('/api/artifacts?limit=5')).json;
  const id = (answer.json.id as string | undefined) ?? artifacts.find(isOf(answer))?.id;
  return (await t.get(`/api/artifacts/${String(id)}`)).json.artifact.findings;
}

function isOf(answer: Answer): (artifact: { readonly uri: string }) => boolean {
  return ({ uri }) => uri === answer.json.artifacts_uri;
}

forAnyStore(
  'under the policy flag, a scan that fails',
  (harness) => {
    it.each(cases)('marks $door as unscanned if the thread meets $word, and later scans work', async (one) => {
      const t = harness();
      const answer = await withTime(t, one.word, () => one.call(t, `${one.word} ${filler}`));
      expect([200, 201], answer.text).toContain(answer.status);
      expect(await findingsOf(t, answer)).toMatchObject({
        secrets: [],
        unscanned: [{ fromByte: 0, reason: 'unavailable' }],
      });
      await expectScansAgain(t);
    });
  },
  { secretScript, settings: { secretPolicy: 'flag' } },
);

forAnyStore(
  'under the policy reject, a scan that fails',
  (harness) => {
    it.each(cases)('refuses $door for now if the thread meets $word, and later scans work', async (one) => {
      const t = harness();
      const answer = await withTime(t, one.word, () => one.call(t, `${one.word} ${filler}`));
      expect(answer.status, answer.text).toBe(503);
      expect(answer.headers['retry-after']).toBe('1');
      expect(answer.text).toContain('could not be scanned for secrets, so nothing was stored; try again');
      expect(t.files().filter((file) => readFileSync(file).includes(one.word))).toEqual([]);
      await expectScansAgain(t);
    });
  },
  { secretScript, settings: { secretPolicy: 'reject' } },
);
