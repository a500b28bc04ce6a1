// Decides about artifacts by the calls of their names, on both stores: stamps, versions and digests, comments, undo,
// replacement, and distinct reviewers.
import { describe, expect, it } from 'vitest';
import { exampleChecksum as checksum } from '@proofhouse/core/testing/url-corpus';
import { forEachStore } from './support/for-each-store.ts';
import { githubToken } from './support/secret-samples.ts';
import type { Answer, Caller, TestServer } from './support/test-server.ts';
import { makeUser } from './support/test-user.ts';

interface Made {
  readonly id: string;
  readonly version: number;
}

const link = { type: 'external-link', title: 'Episode 12', storageUri: 'https://youtu.be/dQw4w9WgXcQ' } as const;
const otherChecksum = `sha256:${'f'.repeat(64)}`;

async function registered(t: TestServer, body: object = { checksum }, as: Caller = 'admin') {
  const answer = await t.post('/api/artifacts', { ...link, status: 'needs-review', ...body }, as);
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.json.artifact as Made & Record<string, unknown>;
}

type Verb = 'approve' | 'reject' | 'archive' | 'supersede';

function decide(
  t: TestServer,
  verb: Verb,
  { id }: { id: string },
  body: object = {},
  as: Caller = 'admin',
  headers = {},
): Promise<Answer> {
  return t.post(`/api/artifacts/${id}/${verb}`, body, as, headers);
}

const history = async (t: TestServer, { id }: { id: string }) =>
  (await t.get(`/api/artifacts/${id}/history`)).json.items as Record<string, unknown>[];

const conflict = { status: 409, json: { code: 'review_conflict', errors: [{ path: 'status' }] } };

forEachStore('a review', (harness) => {
  it.each([
    ['approve', 'approved'],
    ['reject', 'rejected'],
  ] as const)('by %s stamps the caller, the time, the digest and the note', async (verb, status) => {
    const t = harness();
    const made = await registered(t);
    const { id: reviewedBy, token } = await makeUser(t, 'operator');
    t.clock.advance(1000);
    const comments = [{ path: 'a.ts', line: 3, side: 'new', quote: 'let x', text: 'Unused.' }, { text: 'Good.' }];
    const body = { note: 'Read it.\nTwice.', comments, digest: checksum, expectedVersion: 1 };
    const answer = await decide(t, verb, made, body, token);
    expect(answer.status, answer.text).toBe(200);
    const { artifact } = answer.json;
    const reviewedAt = artifact.updatedAt as string;
    const stamps = { reviewedBy, reviewedAt, reviewedDigest: checksum, reviewNote: body.note, unbound: false };
    expect(artifact).toEqual({ ...made, status, ...stamps, version: 2, updatedAt: reviewedAt });
    expect((await t.get(`/api/artifacts/${made.id}`)).json.artifact).toEqual(artifact);
    expect(await history(t, made)).toMatchObject([
      {
        ...{ at: reviewedAt, actor: reviewedBy, decision: verb, from: 'needs-review', to: status, digest: checksum },
        ...{ note: body.note, comments },
      },
    ]);
  });

  it('of stored bytes is about their digest', async () => {
    const t = harness();
    const { id, digest } = (await t.put((await t.enqueue()).id, { name: 'a.txt' })).json as Made & { digest: string };
    expect(await decide(t, 'approve', { id }, { digest: checksum })).toMatchObject({ status: 409 });
    const { artifact } = (await decide(t, 'approve', { id }, { digest: digest.toUpperCase() })).json;
    expect(artifact).toMatchObject({ status: 'approved', reviewedDigest: digest, unbound: false });
  });

  it('of a pointer without checksum is shown as unbound', async () => {
    const t = harness();
    const made = await registered(t, {});
    expect(made['unbound']).toBe(false);
    expect((await decide(t, 'approve', made, { digest: checksum })).json.code).toBe('version_conflict');
    const { artifact } = (await decide(t, 'approve', made, { digest: null })).json;
    expect(artifact).toMatchObject({ status: 'approved', reviewedDigest: null, unbound: true });
  });

  it('of another digest or version is refused with the present record, and changes nothing', async () => {
    const t = harness();
    const made = await registered(t);
    const present = { status: 409, json: { code: 'version_conflict', artifact: made } };
    for (const verb of ['approve', 'reject', 'archive'] as const) {
      expect(await decide(t, verb, made, { digest: otherChecksum })).toMatchObject(present);
      expect(await decide(t, verb, made, { digest: null })).toMatchObject(present);
      expect(await decide(t, verb, made, { expectedVersion: 2 })).toMatchObject(present);
      expect(await decide(t, verb, made, {}, 'admin', { 'if-match': '"2"' })).toMatchObject(present);
    }
    expect(await history(t, made)).toEqual([]);
    expect((await decide(t, 'approve', made, {}, 'admin', { 'if-match': '"1"' })).status).toBe(200);
  });

  it('of a changed pointer is void: the record waits again, and the earlier digest is no longer accepted', async () => {
    const t = harness();
    const made = await registered(t);
    await decide(t, 'approve', made);
    const url = `/api/artifacts/${made.id}`;
    const changed = await t.call('PUT', url, { json: { checksum: otherChecksum } });
    expect(changed.json.artifact).toMatchObject({ status: 'needs-review', reviewedDigest: checksum });
    expect((await decide(t, 'approve', made, { digest: checksum })).json.code).toBe('version_conflict');
    expect((await decide(t, 'approve', made, { digest: otherChecksum })).json.artifact).toMatchObject({
      status: 'approved',
      reviewedDigest: otherChecksum,
    });
  });

  it('can be undone, and each step is in the history', async () => {
    const t = harness();
    const made = await registered(t);
    await decide(t, 'approve', made);
    const undone = await t.call('PUT', `/api/artifacts/${made.id}`, { json: { status: 'needs-review' } });
    expect(undone.json.artifact).toMatchObject({ status: 'needs-review', reviewedBy: 'admin' });
    await decide(t, 'approve', made);
    await decide(t, 'reject', made, { note: 'No.' });
    expect(await decide(t, 'approve', made)).toMatchObject(conflict);
    await decide(t, 'archive', made, { note: 'Old.' });
    expect(await decide(t, 'archive', made)).toMatchObject(conflict);
    const decisions = (await history(t, made)).map(({ decision, note }) => [decision, note]);
    expect(decisions.toReversed()).toEqual([
      ...[
        ['approve', null],
        ['undo', null],
        ['approve', null],
      ],
      ...[
        ['reject', 'No.'],
        ['archive', 'Old.'],
      ],
    ]);
  });

  it('is archived by PUT as by POST', async () => {
    const t = harness();
    const made = await registered(t);
    const answer = await t.call('PUT', `/api/artifacts/${made.id}/archive`, { json: {} });
    expect(answer).toMatchObject({ status: 200, json: { artifact: { status: 'archived', reviewedAt: null } } });
  });

  it('marks secrets in the note and the comments', async () => {
    const t = harness();
    const made = await registered(t);
    const body = { note: githubToken(1), comments: [{ text: 'x' }, { text: `It is ${githubToken(2)}.` }] };
    const { findings } = (await decide(t, 'reject', made, body)).json.artifact;
    expect((findings.secrets as { field: string }[]).map(({ field }) => field)).toEqual(['note', 'comments.1.text']);
    expect((await decide(t, 'archive', made)).json.artifact.findings).toBeNull();
  });

  it('refuses stamps, too many comments and too much text in the body', async () => {
    const t = harness();
    const made = await registered(t);
    for (const [body, path] of [
      [{ reviewedBy: 'x' }, 'reviewedBy'],
      [{ comments: Array(101).fill({ text: 'x' }) }, 'comments'],
      [{ comments: [{ text: 'x'.repeat(2048) }] }, 'comments.0'],
      [{ note: 'x'.repeat(64 * 1024) }, 'note'],
      [{ digest: 'abc' }, 'digest'],
    ] as const) {
      const answer = await decide(t, 'approve', made, body);
      expect(answer, path).toMatchObject({ status: 422, json: { code: 'invalid_request', errors: [{ path }] } });
    }
    expect((await decide(t, 'approve', { id: 'nope' })).json.code).toBe('artifact_not_found');
  });

  it('by a worker is refused, whatever it made or holds', async () => {
    const t = harness();
    const { job, worker } = await t.running();
    const made = [(await t.put(job.id, { name: 'a', as: worker })).json, await registered(t, {}, worker)] as Made[];
    for (const artifact of made) {
      for (const verb of ['approve', 'reject', 'supersede'] as const) {
        const body = verb === 'supersede' ? { by: artifact.id } : {};
        expect(await decide(t, verb, artifact, body, worker)).toMatchObject({
          status: 403,
          json: { code: 'forbidden' },
        });
      }
    }
    expect((await decide(t, 'archive', made[0]!, {}, worker)).json.artifact.status).toBe('archived');
    expect((await decide(t, 'archive', made[1]!, {}, worker)).status).toBe(403);
  });

  it('has one winner among concurrent decisions about one version', async () => {
    const t = harness();
    for (let round = 0; round < 8; round++) {
      const made = await registered(t);
      const verbs = ['approve', 'reject', 'archive', 'approve'] as const;
      const answers = await Promise.all(verbs.map((verb) => decide(t, verb, made, { expectedVersion: 1 })));
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409, 409, 409]);
      const winner = answers.find(({ status }) => status === 200)?.json.artifact as Record<string, unknown>;
      expect((await t.get(`/api/artifacts/${made.id}`)).json.artifact).toEqual(winner);
      expect(await history(t, made)).toMatchObject([{ to: winner['status'] }]);
    }
  });

  describe('of many artifacts', () => {
    it('decides about each by itself, in order, with one audit entry for each that succeeds', async () => {
      const t = harness();
      const { id: reviewer, token } = await makeUser(t, 'operator');
      const made = await Promise.all(Array.from({ length: 100 }, () => registered(t)));
      const items = made.map(({ id: artifactId }) => ({ artifactId, digest: checksum, expectedVersion: 1 }));
      items[3]!.digest = otherChecksum;
      items[5]!.expectedVersion = 7;
      items[7]!.artifactId = 'nope';
      items[9] = items[8]!;
      const answer = await t.post('/api/artifacts/review', { decision: 'reject', note: 'n', items }, token);
      expect(answer.status, answer.text).toBe(200);
      const results = answer.json.results as {
        artifactId: string;
        status: number;
        artifact?: object;
        error?: object;
      }[];
      expect(results.map(({ artifactId }) => artifactId)).toEqual(items.map(({ artifactId }) => artifactId));
      const refused: Readonly<Record<number, string>> = {
        ...{ 3: 'version_conflict', 5: 'version_conflict', 7: 'artifact_not_found', 9: 'version_conflict' },
      };
      results.forEach(({ status, artifact, error }, index) => {
        const code = refused[index];
        if (code === undefined) {
          expect([status, error]).toEqual([200, undefined]);
          expect(artifact).toMatchObject({ status: 'rejected', reviewedBy: reviewer, reviewNote: 'n', version: 2 });
        } else {
          expect([status, artifact]).toEqual([code === 'artifact_not_found' ? 404 : 409, undefined]);
          expect(error).toMatchObject({ code });
        }
      });
      const audit = (await t.get('/api/audit?limit=200')).json.items as Record<string, unknown>[];
      const entries = audit.filter(({ operation }) => operation === 'reviewArtifacts');
      const targets = results.filter(({ status }) => status === 200).map(({ artifactId }) => `artifact:${artifactId}`);
      expect(entries.map(({ target }) => target).toReversed()).toEqual(targets);
      for (const entry of entries) {
        const detail = { given: { decision: 'reject' } };
        expect(entry).toMatchObject({ actor: reviewer, outcome: 'done', remote: '127.0.0.1', detail });
      }
    });

    it('is bounded, and needs the digest and the version of each', async () => {
      const t = harness();
      const { id: artifactId } = await registered(t);
      const item = { artifactId, digest: checksum, expectedVersion: 1 };
      for (const [body, path] of [
        [{ items: [] }, 'items'],
        [{ items: Array(101).fill(item) }, 'items'],
        [{ items: [{ artifactId, digest: checksum }] }, 'items.0.expectedVersion'],
        [{ items: [{ artifactId, expectedVersion: 1 }] }, 'items.0.digest'],
        [{ decision: 'archive', items: [item] }, 'decision'],
      ] as const) {
        const answer = await t.post('/api/artifacts/review', { decision: 'approve', ...body });
        expect(answer, path).toMatchObject({ status: 422, json: { errors: [{ path }] } });
      }
      expect((await t.get(`/api/artifacts/${artifactId}`)).json.artifact.status).toBe('needs-review');
    });
  });

  describe('that enqueues the job again', () => {
    const comments = [{ path: 'a.ts', line: 3, text: 'Unused.' }];

    it('creates the job with the feedback in the same commit, and wakes a worker that waits', async () => {
      const t = harness();
      // No other test uses this type, so the worker gets no other job.
      const type = 'codex_skill';
      const body = { type, payload: { steps: ['x'] }, priority: 7, requiredCapabilities: [t.unique('capability')] };
      const parent = (await t.post('/api/queue/jobs', body)).json as { id: string };
      const { id } = (await t.put(parent.id, { name: 'a.diff' })).json as Made;
      await t.post(`/api/queue/jobs/${parent.id}/cancel`);
      const worker = await t.worker();
      const claim = { waitSeconds: 30, allowedTypes: [type], workerCapabilities: body.requiredCapabilities };
      const waiting = t.post('/api/queue/jobs/claim', claim, worker);
      const answer = await decide(t, 'reject', { id }, { note: 'Again.', comments, requeue: true, expectedVersion: 1 });
      expect(answer.status, answer.text).toBe(200);
      const feedback = { note: 'Again.', comments };
      expect(answer.json).toMatchObject({
        artifact: { status: 'rejected', reviewNote: 'Again.' },
        job: { ...body, status: 'queued', parentJobId: parent.id, payload: { steps: ['x'], feedback }, attempt: 1 },
      });
      const claimed = (await waiting).json.job as { id: string; payload: object };
      expect(claimed).toMatchObject({ id: answer.json.job.id, payload: { feedback } });
      expect(await history(t, { id })).toMatchObject([{ decision: 'reject', note: 'Again.', comments }]);
      const [entry] = (await t.get(`/api/audit?target=artifact:${id}`)).json.items as object[];
      const detail = { given: { requeue: true }, created: [`job:${claimed.id}`] };
      expect(entry).toMatchObject({ operation: 'rejectArtifact', outcome: 'done', detail });
    });

    it('replaces an earlier feedback, and marks secrets in the new one', async () => {
      const t = harness();
      const parent = await t.enqueue();
      const first = (await t.put(parent.id, { name: 'a' })).json as Made;
      const again = (await decide(t, 'reject', first, { note: githubToken(1), requeue: true })).json.job as Made;
      const second = (await t.put(again.id, { name: 'a' })).json as Made;
      const { job } = (await decide(t, 'reject', second, { requeue: true })).json;
      expect(job).toMatchObject({ parentJobId: again.id, payload: { feedback: { note: null, comments: [] } } });
      const stored = await t.server.jobs.require(again.id);
      expect(stored.findings?.secrets.map(({ field }) => field)).toEqual(['payload.feedback.note']);
      expect((await t.server.jobs.require(job.id as string)).findings).toBeNull();
    });

    it('is refused for an artifact without a job, and then rejects nothing', async () => {
      const t = harness();
      const made = await registered(t);
      expect(await decide(t, 'reject', made, { requeue: true })).toMatchObject({
        status: 409,
        json: { code: 'review_conflict', errors: [{ path: 'requeue' }] },
      });
      expect((await t.get(`/api/artifacts/${made.id}`)).json.artifact).toEqual(made);
    });

    it('creates one job if several callers reject one version', async () => {
      const t = harness();
      const parent = await t.enqueue();
      const made = (await t.put(parent.id, { name: 'a' })).json as Made;
      const body = { requeue: true, expectedVersion: 1 };
      const answers = await Promise.all([1, 2, 3].map(() => decide(t, 'reject', made, body)));
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409, 409]);
      const jobs = (await t.get('/api/queue/jobs?limit=100')).json.items as { parentJobId: string | null }[];
      expect(jobs.filter(({ parentJobId }) => parentJobId === parent.id)).toHaveLength(1);
    });
  });

  describe('that replaces an artifact', () => {
    it('marks the old one and links both', async () => {
      const t = harness();
      const [old, next] = [await registered(t), await registered(t, { checksum: otherChecksum })];
      await decide(t, 'approve', old);
      const answer = await decide(t, 'supersede', old, { by: next.id, note: 'Newer.', digest: checksum });
      expect(answer).toMatchObject({ status: 200, json: { artifact: { status: 'superseded', reviewedBy: 'admin' } } });
      const { artifact } = (await t.get(`/api/artifacts/${next.id}`)).json;
      expect(artifact).toMatchObject({ status: 'needs-review', previousDigest: checksum, version: 2 });
      expect((await history(t, old))[0]).toMatchObject({ decision: 'supersede', note: `by: ${next.id}\nNewer.` });
      expect(await history(t, next)).toMatchObject([
        { decision: 'replaces', from: 'needs-review', to: 'needs-review', note: `the artifact ${old.id}` },
      ]);
      expect(await decide(t, 'supersede', next, { by: old.id })).toMatchObject({ status: 409 });
    });

    it('is refused for an artifact that is not approved, itself, and what cannot replace it', async () => {
      const t = harness();
      const [old, next] = [await registered(t), await registered(t)];
      expect(await decide(t, 'supersede', old, { by: next.id })).toMatchObject(conflict);
      await decide(t, 'approve', old);
      await decide(t, 'reject', next);
      expect(await decide(t, 'supersede', old, { by: next.id })).toMatchObject({
        status: 409,
        json: { code: 'review_conflict', errors: [{ path: 'by' }] },
      });
      expect(await decide(t, 'supersede', old, { by: old.id })).toMatchObject({ status: 422 });
      expect(await decide(t, 'supersede', old, { by: 'nope' })).toMatchObject({ status: 404 });
      expect(await decide(t, 'supersede', old, {})).toMatchObject({ status: 422, json: { errors: [{ path: 'by' }] } });
      expect((await t.get(`/api/artifacts/${old.id}`)).json.artifact.status).toBe('approved');
    });
  });
});
