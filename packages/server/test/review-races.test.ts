// Decides about the same artifacts at the same time, through two servers on Postgres and one on SQLite. Each version of a
// record has one winner, and the history and the stamps agree with the answers.
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { exampleChecksum as checksum } from '@proofhouse/core/testing/url-corpus';
import { forEachStore } from './support/for-each-store.ts';
import { startTestServer, type Answer, type TestServer } from './support/test-server.ts';
import { makeUser } from './support/test-user.ts';

interface Entry {
  readonly actor: string;
  readonly decision: string;
  readonly from: string;
  readonly to: string;
  readonly note: string | null;
  readonly at: string;
}

const rounds = inject('isLongRun') === true ? 300 : 20;

forEachStore('decisions at the same time', (harness, store) => {
  let servers: readonly [TestServer, TestServer];
  let operators: readonly [{ id: string; token: string }, { id: string; token: string }];

  beforeAll(async () => {
    const t = harness();
    const { databaseUrl, blobUrl } = t.server.config;
    const second = store === 'sqlite' ? t : await startTestServer({ settings: { databaseUrl, blobUrl } });
    servers = [t, second];
    operators = [await makeUser(t, 'operator'), await makeUser(t, 'operator')];
  }, 60_000);
  afterAll(async () => {
    if (servers[1] !== servers[0]) await servers[1].close();
  });

  const made = async (): Promise<string> => {
    const link = { type: 'report', title: 'T', storageUri: 'https://h.example/a', checksum, status: 'needs-review' };
    return (await servers[0].post('/api/artifacts', link)).json.artifact.id as string;
  };
  const call = (at: 0 | 1, id: string, verb: string, body: object): Promise<Answer> =>
    servers[at].post(`/api/artifacts/${id}/${verb}`, body, operators[at].token);
  const historyOf = async (id: string): Promise<Entry[]> =>
    ((await servers[1].get(`/api/artifacts/${id}/history`)).json.items as Entry[]).toReversed();

  /** Checks that the history is a chain of moves, and that the record has the stamps of the last decision. */
  const expectChain = async (id: string, winners: readonly Answer[]): Promise<void> => {
    const entries = await historyOf(id);
    expect(entries).toHaveLength(winners.length);
    entries.forEach(({ from, at }, index) => {
      expect(from).toBe(entries[index - 1]?.to ?? 'needs-review');
      if (index > 0) expect(at > entries[index - 1]!.at).toBe(true);
    });
    const versions = winners.map(({ json }) => json.artifact.version as number);
    expect(versions.toSorted((a, b) => a - b)).toEqual(winners.map((_, index) => index + 2));
    const { artifact } = (await servers[0].get(`/api/artifacts/${id}`)).json;
    const last = entries.findLast(({ decision }) => decision === 'approve' || decision === 'reject')!;
    expect(artifact).toMatchObject({
      ...{ status: entries.at(-1)!.to, version: entries.length + 1 },
      ...{ reviewedBy: last.actor, reviewedAt: last.at, reviewNote: last.note, reviewedDigest: checksum },
    });
  };
  const winnersOf = (answers: readonly Answer[]): Answer[] => {
    for (const { status, json } of answers) {
      expect([200, 409]).toContain(status);
      if (status === 409) expect(['version_conflict', 'review_conflict']).toContain(json.code);
    }
    return answers.filter(({ status }) => status === 200);
  };

  it(`about one version have one winner each, in ${String(rounds)} rounds`, { timeout: 120_000 }, async () => {
    const next = await made();
    for (let round = 0; round < rounds; round++) {
      const [id, flip] = [await made(), (round % 2) as 0 | 1];
      const other = (1 - flip) as 0 | 1;
      const first = winnersOf(
        await Promise.all([
          call(flip, id, 'approve', { expectedVersion: 1, note: `approve ${String(round)}` }),
          call(other, id, 'reject', { expectedVersion: 1, note: `reject ${String(round)}` }),
        ]),
      );
      expect(first).toHaveLength(1);
      await expectChain(id, first);
      if (first[0]!.json.artifact.status !== 'approved') continue;
      const second = winnersOf(
        await Promise.all([
          call(flip, id, 'supersede', { expectedVersion: 2, by: next }),
          call(other, id, 'reject', { expectedVersion: 2, note: `later ${String(round)}` }),
        ]),
      );
      expect(second).toHaveLength(1);
      await expectChain(id, [...first, ...second]);
    }
  });

  it('without a version are moves one after another', { timeout: 120_000 }, async () => {
    for (let round = 0; round < Math.ceil(rounds / 3); round++) {
      const [id, next, flip] = [await made(), await made(), (round % 2) as 0 | 1];
      const other = (1 - flip) as 0 | 1;
      const calls = [
        call(flip, id, 'approve', { note: 'a' }),
        call(other, id, 'reject', { note: 'b' }),
        call(flip, id, 'supersede', { by: next }),
        call(other, id, 'approve', { note: 'c' }),
      ];
      const winners = winnersOf(await Promise.all(calls));
      expect(winners.length).toBeGreaterThan(0);
      await expectChain(id, winners);
    }
  });
});
