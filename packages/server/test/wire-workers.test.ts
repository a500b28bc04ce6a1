// Tests workers and groups on /v0 (contract "wire-level deposit and fetch", section "Workers and groups").
import { setImmediate as turn } from 'node:timers/promises';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { forEachStore } from './support/for-each-store.ts';
import type { Answer, TestServer } from './support/test-server.ts';
import { expectProblem, wireAdmin, WireExperiment, type V0Worker } from './support/wire-experiment.ts';
import { insert, update } from '../src/kernel/commit.ts';

const unknownWorker = 'wkr_00000000000000000000000000';
const unknownGroup = 'grp_00000000000000000000000000';

forEachStore('workers of an experiment', (harness) => {
  let t: TestServer;
  let experiment: WireExperiment;
  let other: WireExperiment;
  let worker: V0Worker;
  beforeAll(async () => {
    t = harness();
    experiment = await WireExperiment.make(t);
    other = await WireExperiment.make(t);
    worker = await experiment.register({ name: 'first', labels: { zone: 'a' } });
  });

  it('are registered under a fresh id and token every time, which is shown once', async () => {
    const answers = await Promise.all([1, 2, 3].map(() => experiment.post('/workers', { name: 'Zoe\u0301' })));
    for (const { status, json } of answers) {
      expect(status).toBe(200);
      expect(json).toEqual({
        worker_id: expect.stringMatching(/^wkr_[0-7][0-9a-hjkmnp-tv-z]{25}$/),
        experiment_id: experiment.id,
        name: 'Zo\u00e9',
        registered_at: new Date(t.clock.now()).toISOString(),
        registered_by: 'admin',
        registration_token: expect.stringMatching(/^[^:]{40,}$/),
      });
    }
    expect(new Set(answers.map(({ json }) => json.worker_id as string)).size).toBe(3);
    expect(new Set(answers.map(({ json }) => json.registration_token as string)).size).toBe(3);
  });

  it('are shown without token or hash, to the admin and to workers', async () => {
    for (const as of [wireAdmin, worker.credential]) {
      const shown = await experiment.get(`/workers/${worker.id}`, as);
      expect(Object.keys(shown.json as object).toSorted()).toEqual(
        ['experiment_id', 'labels', 'name', 'registered_at', 'registered_by', 'worker_id'].toSorted(),
      );
      const named = await experiment.get('/workers?name=first', as);
      expect(named.json).toEqual({ workers: [shown.json] });
      expect((await experiment.get('/workers', as)).text).not.toMatch(/token|sha256|secret/);
    }
  });

  it('are 404 when they are unknown, of another experiment, or of none', async () => {
    const foreign = await other.register();
    const queue = await t.worker();
    for (const id of [unknownWorker, foreign.id, queue.id, '%00', "'", 'x'.repeat(1500), '..']) {
      expectProblem(await experiment.get(`/workers/${id}`), 404, 'not-found');
      expectProblem(await experiment.post(`/workers/${id}/reissue-credential`), 404, 'not-found');
    }
    expect((await experiment.get('/workers?name=nobody')).json).toEqual({ workers: [] });
    expect((await experiment.get('/workers?name=%00')).status).toBeLessThan(500);
  });

  it('are listed page by page, each once, when a limit is asked for', async () => {
    const own = await WireExperiment.make(t);
    const made = [];
    for (let count = 0; count < 5; count++) made.push((await own.register()).id);
    const seen: string[] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined;) {
      const page: Answer = await own.get(`/workers?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
      seen.push(...(page.json.workers as { worker_id: string }[]).map((each) => each.worker_id));
      cursor = page.json.next_cursor as string | undefined;
    }
    expect(seen).toEqual(made);
    expectProblem(await own.get('/workers?cursor=nonsense'), 400, 'bad-request');
    expectProblem(await own.get('/workers?limit=0'), 400, 'bad-request');
  });

  it('are listed whole, as groups are, when no limit is asked for, however many there are', async () => {
    const own = await WireExperiment.make(t);
    // The store is written directly, because it would take too long to create so many workers and groups through the
    // API.
    const [worker] = [await own.register(), await own.group()];
    const record = (await t.server.store.workers.findWorker(worker.id))!;
    const ids = Array.from({ length: 1203 }, (_, n) => `wkr_${String(n).padStart(26, '0').replaceAll('i', '0')}`);
    for (let from = 0; from < ids.length; from += 50) {
      const changes = ids.slice(from, from + 50).flatMap((id, n) => [
        insert('worker', { ...record, id: `${id.slice(0, 4)}${own.id.slice(4, 20)}${id.slice(20)}` }, 'keep'),
        insert('group', {
          id: `grp_${own.id.slice(4, 20)}${String(from + n).padStart(10, '0')}`,
          experimentId: own.id,
          name: null,
          createdBy: 'admin',
          createdAt: 1,
          version: 1,
          hiddenAt: null,
        }),
      ]);
      await t.server.store.commit({ changes, preconditions: [], now: t.clock.now() });
    }
    const workers = await own.get('/workers', worker.credential);
    expect(workers.json.next_cursor).toBeUndefined();
    expect(new Set((workers.json.workers as { worker_id: string }[]).map((each) => each.worker_id)).size).toBe(1204);
    const groups = await own.get('/groups');
    expect(groups.json.next_cursor).toBeUndefined();
    expect(new Set((groups.json.groups as { group_id: string }[]).map((each) => each.group_id)).size).toBe(1206);
    const page = await own.get('/workers?limit=1000');
    expect((page.json.workers as unknown[]).length).toBe(1000);
    const rest = await own.get(`/workers?cursor=${String(page.json.next_cursor)}`);
    expect([(rest.json.workers as unknown[]).length, rest.json.next_cursor]).toEqual([204, undefined]);
  });

  it('know who they are; the admin is no worker', async () => {
    expect((await experiment.get('/whoami', worker.credential)).json).toEqual({ worker_id: worker.id, name: 'first' });
    const nameless = await experiment.register();
    expect((await experiment.get('/whoami', nameless.credential)).json).toEqual({ worker_id: nameless.id });
    expectProblem(await experiment.get('/whoami'), 403, 'forbidden');
  });

  it('whose credential is reissued are refused under the old one from then on', async () => {
    const { id, credential, token } = await experiment.register();
    const answer = await experiment.post(`/workers/${id}/reissue-credential`);
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({ worker_id: id, registration_token: expect.stringMatching(/^[^:]{40,}$/) });
    expect(answer.json.registration_token).not.toBe(token);
    expectProblem(await experiment.get('/whoami', credential), 401, 'unauthorized');
    expect((await t.post('/api/queue/jobs/claim', {}, token)).status).toBe(401);
    const fresh = `${id}:${String(answer.json.registration_token)}`;
    expect((await experiment.get('/whoami', fresh)).json.worker_id).toBe(id);
  });

  it.each([
    ['a blank one', '  '],
    ['an empty one', ''],
    ['one with a control character', 'a\u0007b'],
    ['one with a line break', 'a\nb'],
    ['one that is too long', 'x'.repeat(129)],
    ['one that turns the direction of text', 'a\u202eb'],
    ['one that isolates a direction', '\u2066a'],
    ['one with white space before it', ' a'],
    ['one with white space after it', 'a\u3000'],
    ['a reserved one with white space around it', ' Admin '],
    ['one with a lone surrogate', 'a\ud800'],
    ['one with an unassigned code point', 'a\u0378b'],
    ['one with a private-use character', 'a\ue000b'],
    ['one with a noncharacter', 'a\ufffeb'],
    ['one with a noncharacter of another plane', 'a\u{2fffe}b'],
  ])('have names, but not %s: 422', async (_what, name) => {
    expectProblem(await experiment.post('/workers', { name }), 422, 'invalid-name');
    expectProblem(await experiment.post('/groups', { name }), 422, 'invalid-name');
    expect((await t.post('/api/experiments', { name })).status).toBe(422);
  });

  it('whose name is refused are told the code point and its class', async () => {
    const refusal = async (name: string): Promise<unknown> => (await experiment.post('/workers', { name })).json.detail;
    expect(await refusal('a\u202eb')).toBe(
      'The name of the worker must not contain U+202E, a character that changes the direction of text.',
    );
    expect(await refusal(' a')).toBe('The name of the worker must not begin or end with white space (U+0020).');
  });

  it.each(['admin', 'system', 'internal', 'Admin', 'ａｄｍｉｎ', 'ad\u200bmin', '\ufeffSystem\u2060'])(
    'are not called %j: 409',
    async (name) => {
      expectProblem(await experiment.post('/workers', { name }), 409, 'reserved-identifier');
    },
  );

  it.each(['adm\u200dins', 'ａｄｍｉｎｓ', 'Ｏrchestrators', '\u200borchestrators'])(
    'have no group called %j: 409',
    async (name) => {
      expectProblem(await experiment.post('/groups', { name }), 409, 'reserved-identifier');
    },
  );

  it('have labels, but none with characters that nobody can see or keep: 400', async () => {
    for (const text of ['a\0b', 'a\nb', '\u0007', '\u0085', '\ud800', '\udc00x']) {
      expectProblem(await experiment.post('/workers', { labels: { [text]: 'x' } }), 400, 'bad-request');
      expectProblem(await experiment.post('/workers', { labels: { x: text } }), 400, 'bad-request');
    }
    const labels = { 'zone/ü': '', '😀': '👩\u200d💻 a' };
    const made = await experiment.post('/workers', { labels });
    expect([made.status, made.json.labels]).toEqual([200, labels]);
  });

  it('in the group admins are admin-class, also through other groups, until they are taken out', async () => {
    const boss = await experiment.register();
    const inner = await experiment.group({ members: [boss.id] });
    expectProblem(await experiment.post('/groups', {}, boss.credential), 403, 'forbidden');
    await experiment.join('admins', inner);
    expect((await experiment.post('/groups', {}, boss.credential)).json.created_by).toBe(boss.id);
    // A worker in the group `admins` of one experiment has no rights in another experiment.
    expectProblem(await other.post('/groups', {}, boss.credential), 401, 'unauthorized');
    expect((await t.post('/api/experiments', {}, boss.credential)).status).toBe(403);
    expect((await experiment.call('DELETE', `/groups/${inner}/members/${boss.id}`)).status).toBe(200);
    expectProblem(await experiment.post('/groups', {}, boss.credential), 403, 'forbidden');
  });

  it('in the group admins neither register workers nor reissue a credential: that is the admin token’s alone', async () => {
    const boss = await experiment.register();
    await experiment.join('admins', boss.id);
    const victim = await experiment.register();
    const refused = await experiment.post('/workers', {}, boss.credential);
    expectProblem(refused, 403, 'forbidden');
    expect(refused.json.detail).toContain("it needs the admin's token");
    for (const id of [victim.id, boss.id, unknownWorker])
      expectProblem(await experiment.post(`/workers/${id}/reissue-credential`, {}, boss.credential), 403, 'forbidden');
    expect((await experiment.get('/whoami', victim.credential)).status).toBe(200);
  });

  describe('are in groups, which', () => {
    it('are there from the start, and stay', async () => {
      const own = await WireExperiment.make(t);
      const { groups } = (await own.get('/groups')).json as { groups: { group_id: string; name: string }[] };
      expect(groups.map(({ name }) => name)).toEqual(['admins', 'orchestrators']);
      for (const { group_id, name } of groups) {
        expect((await own.get(`/groups/${name}`)).json.group_id).toBe(group_id);
        for (const id of [group_id, name]) {
          expectProblem(await own.call('DELETE', `/groups/${id}`), 409, 'reserved-identifier');
        }
        expectProblem(await own.post('/groups', { name }), 409, 'reserved-identifier');
      }
    });

    it('hold workers and groups; adding twice changes nothing', async () => {
      const made = await experiment.post('/groups', { name: 'team', members: [worker.id] });
      expect(made.status).toBe(200);
      expect(made.json).toEqual({
        group_id: expect.stringMatching(/^grp_[0-7][0-9a-hjkmnp-tv-z]{25}$/),
        experiment_id: experiment.id,
        name: 'team',
        members: [worker.id],
        created_at: new Date(t.clock.now()).toISOString(),
        created_by: 'admin',
      });
      const path = `/groups/${String(made.json.group_id)}`;
      const inner = await experiment.group();
      for (let times = 0; times < 2; times++) {
        const added = await experiment.post(`${path}/members`, { member_id: inner });
        expect([added.status, added.json.members]).toEqual([200, [worker.id, inner]]);
      }
      expect((await experiment.get('/groups?name=team', worker.credential)).json.groups).toHaveLength(1);
      const removed = await experiment.call('DELETE', `${path}/members/${worker.id}`);
      expect([removed.status, removed.json.members]).toEqual([200, [inner]]);
      expect(await experiment.call('DELETE', path)).toMatchObject({ status: 204, text: '' });
      expectProblem(await experiment.get(path), 404, 'not-found');
      expectProblem(await experiment.call('DELETE', path), 404, 'not-found');
    });

    it('may name members that are unknown, who are nobody', async () => {
      const group = await experiment.group({ members: [unknownWorker, unknownGroup] });
      expect((await experiment.get(`/groups/${group}`)).json.members).toEqual([unknownWorker, unknownGroup]);
    });

    it('are never members of themselves, however far around: 409, also when tried at once', async () => {
      const [a, b, c] = [await experiment.group(), await experiment.group(), await experiment.group()];
      expectProblem(await experiment.post(`/groups/${a}/members`, { member_id: a }), 409, 'cycle-detected');
      await experiment.join(a, b);
      await experiment.join(b, c);
      expectProblem(await experiment.post(`/groups/${c}/members`, { member_id: a }), 409, 'cycle-detected');
      const [x, y] = [await experiment.group(), await experiment.group()];
      const both = await Promise.all([
        experiment.post(`/groups/${x}/members`, { member_id: y }),
        experiment.post(`/groups/${y}/members`, { member_id: x }),
      ]);
      expect(both.map(({ status }) => status).toSorted()).toEqual([200, 409]);
    });

    it('that other servers keep nesting are 429, for another try, and not the caller’s fault', async () => {
      const { experiments } = t.server.store;
      const readNested = experiments.nestedGroups.bind(experiments);
      const nestedGroups = vi.spyOn(experiments, 'nestedGroups').mockImplementation(async (id) => {
        const found = await readNested(id);
        const faster = (await experiments.find(id))!;
        const changes = [update('experiment', faster, found.version)];
        await t.server.store.commit({ changes, preconditions: [], now: 1 });
        return found;
      });
      const [inner, outer] = [await experiment.group(), await experiment.group()];
      const state = { isOver: false };
      const end = (): void => {
        state.isOver = true;
      };
      const adding = experiment.post(`/groups/${outer}/members`, { member_id: inner });
      void adding.then(end, end);
      while (!state.isOver) {
        await turn();
        t.clock.advance(1);
      }
      const answer = await adding;
      nestedGroups.mockRestore();
      expect(answer).toMatchObject({ status: 429, headers: { 'retry-after': '1' }, json: { type: 'about:blank' } });
      await experiment.join(outer, inner);
    });

    it('are 404 when unknown or of another experiment', async () => {
      const foreign = await other.group();
      for (const id of [unknownGroup, foreign, 'x', '%00', "'"]) {
        expectProblem(await experiment.get(`/groups/${id}`), 404, 'not-found');
        expectProblem(await experiment.post(`/groups/${id}/members`, { member_id: worker.id }), 404, 'not-found');
        expectProblem(await experiment.call('DELETE', `/groups/${id}/members/${worker.id}`), 404, 'not-found');
        expectProblem(await experiment.call('DELETE', `/groups/${id}`), 404, 'not-found');
      }
      const group = await experiment.group();
      expect((await experiment.call('DELETE', `/groups/${group}/members/%00`)).status).toBeLessThan(500);
    });

    it('take whole requests only', async () => {
      const group = await experiment.group();
      for (const body of [
        {},
        { member_id: '' },
        { member_id: 'a b' },
        { member_id: 1 },
        { member_id: worker.id, role: 'y' },
        { member_id: 'anything' },
        { member_id: worker.id.toUpperCase() },
        { member_id: [worker.id] },
        { member_id: null },
        { members: [worker.id] },
      ]) {
        expectProblem(await experiment.post(`/groups/${group}/members`, body), 400, 'bad-request');
      }
      for (const members of [
        'x',
        worker.id,
        { 0: worker.id },
        {},
        null,
        1,
        true,
        [1],
        [null],
        [[worker.id]],
        [{ worker_id: worker.id }],
        [''],
        ['anything'],
        [` ${worker.id}`],
        ['exp_00000000000000000000000000'],
        [worker.id, worker.id],
      ]) {
        expectProblem(await experiment.post('/groups', { members }), 400, 'bad-request');
      }
      for (const body of [null, [], 'x']) {
        expectProblem(await experiment.post('/groups', body), 400, 'bad-request');
      }
      expectProblem(
        await experiment.post('/groups', {
          members: Array.from({ length: 1001 }, (_, n) => `wkr_${String(n).padStart(26, '0')}`),
        }),
        400,
        'bad-request',
      );
    });
  });
});
