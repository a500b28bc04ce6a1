// Tests who may read an artifact. The rule is the same on /api, /v0 and MCP (contract "what holds at every door",
// section "Access").
import { beforeAll, describe, expect, it } from 'vitest';
import { forAnyStore } from './support/for-each-store.ts';
import { McpClient } from './support/mcp-client.ts';
import type { Caller, TestServer, TestWorker } from './support/test-server.ts';
import { WireExperiment, type V0Worker } from './support/wire-experiment.ts';
import { insert, update } from '../src/kernel/commit.ts';

type Door =
  /** Fetches the deposit on /v0 by its URI. */
  | 'fetch'
  /**
   * `content`, `get` and `list` read the same deposit on /api by its id. `content` reads its bytes and `get` its
   * record. `list` checks whether a list that the caller may read contains it.
   */
  | 'content'
  | 'get'
  | 'list'
  /** `download` and the next values read an artifact of a job. The depositor uploaded it while it held the job. */
  | 'download'
  | 'excerpt'
  | 'mcp'
  | 'jobContent'
  | 'jobList';

const doors: readonly Door[] = [
  'fetch',
  'content',
  'get',
  'list',
  'download',
  'excerpt',
  'mcp',
  'jobContent',
  'jobList',
];

/**
 * The expected status for each principal, one for each way to read an artifact (`doors`). `list` is 200 only if the
 * list contains the artifact.
 */
const matrix: Record<string, readonly number[]> = {
  // The columns are: fetch content get list download excerpt mcp jobContent jobList
  admin: [200, 200, 200, 200, 200, 200, 200, 200, 200],
  depositor: [200, 200, 200, 200, 200, 200, 200, 200, 200],
  'depositor, by a queue token': [401, 200, 200, 200, 200, 200, 200, 200, 200],
  'another worker': [403, 403, 403, 403, 403, 403, 403, 403, 403],
  'holder of the job': [403, 403, 403, 403, 200, 200, 200, 200, 200],
  'former holder of the job': [403, 403, 403, 403, 403, 403, 403, 403, 403],
  'member of admins': [200, 200, 200, 403, 403, 403, 403, 403, 403],
  'member of a group in admins': [200, 200, 200, 403, 403, 403, 403, 403, 403],
  'member of admins, by a queue token': [401, 403, 403, 403, 403, 403, 403, 403, 403],
  'removed from admins': [403, 403, 403, 403, 403, 403, 403, 403, 403],
  'member of orchestrators': [403, 403, 403, 403, 403, 403, 403, 403, 403],
  'worker it was granted to': [200, 200, 200, 403, 200, 200, 200, 200, 403],
  'the same, by a queue token': [401, 200, 200, 403, 200, 200, 200, 200, 403],
  // A group can get rights on deposits of its experiment. It never has rights on artifacts of jobs.
  'member of a group it was granted to': [200, 200, 200, 403, 403, 403, 403, 403, 403],
  'member of a group in that group': [200, 200, 200, 403, 403, 403, 403, 403, 403],
  'member of a group of another experiment that a record grants': [401, 403, 403, 403, 403, 403, 403, 403, 403],
  'member of that group, by a queue token': [401, 403, 403, 403, 403, 403, 403, 403, 403],
  'worker of another experiment': [401, 403, 403, 403, 403, 403, 403, 403, 403],
  'admin of another experiment': [401, 403, 403, 403, 403, 403, 403, 403, 403],
  'queue worker': [401, 403, 403, 403, 403, 403, 403, 403, 403],
  nobody: [401, 401, 401, 401, 401, 401, 401, 401, 401],
};

forAnyStore('the readers of an artifact', (harness) => {
  let t: TestServer;
  let experiment: WireExperiment;
  let deposit: { uri: string; id: string };
  let ofJob: { jobId: string; id: string };
  const callers = new Map<string, Caller>();

  const queueToken = async (workerId: string): Promise<string> =>
    (await t.post('/api/queue/workers/tokens', { workerId })).json.token as string;

  /** Enqueues a job and claims it with a queue token of this worker. */
  const claimAs = async (worker: Pick<TestWorker, 'id'>): Promise<{ jobId: string; as: TestWorker; lease: string }> => {
    const capability = t.unique('only');
    const token = await t.post('/api/queue/workers/tokens', { workerId: worker.id, capabilities: [capability] });
    const as = { id: worker.id, token: token.json.token as string, tokenId: token.json.workerToken.id as string };
    const job = await t.enqueue({ requiredCapabilities: [capability], priority: 1_000_000, maxAttempts: 5 });
    const claimed = await t.claim(as);
    if (claimed?.id !== job.id || claimed.leaseId === undefined) throw new Error('another job was claimed');
    return { jobId: job.id, as, lease: claimed.leaseId };
  };

  beforeAll(async () => {
    t = harness();
    experiment = await WireExperiment.make(t);
    const other = await WireExperiment.make(t);
    const depositor = await experiment.register();
    const { artifacts_uri: uri } = await experiment.deposit('deposited', depositor.credential);
    deposit = { uri, id: (await experiment.records())[0]!.artifactId };
    // First the depositor holds the job, uploads an artifact and fails the attempt. Later two other workers hold the
    // job, one after the other.
    const first = await claimAs(depositor);
    const made = await t.put(first.jobId, { name: 'left.txt', as: first.as });
    ofJob = made.json as typeof ofJob;
    const former = await experiment.register();
    const holder = await experiment.register();
    await takeOver(first, former);
    await takeOver({ ...first, ...(await currentLease(first.jobId, former)) }, holder);

    const register = async (name: string, of = experiment): Promise<V0Worker> => {
      const worker = await of.register();
      callers.set(name, worker.credential);
      return worker;
    };
    callers
      .set('admin', 'admin')
      .set('nobody', null)
      .set('queue worker', await t.worker());
    callers.set('depositor', depositor.credential).set('holder of the job', holder.credential);
    callers.set('former holder of the job', former.credential);
    callers.set('depositor, by a queue token', await queueToken(depositor.id));
    await register('another worker');
    const admin = await register('member of admins');
    callers.set('member of admins, by a queue token', await queueToken(admin.id));
    const nested = await register('member of a group in admins');
    const inner = await experiment.group({ members: [nested.id] });
    const removed = await register('removed from admins');
    for (const member of [admin.id, inner, removed.id]) await experiment.join('admins', member);
    await experiment.call('DELETE', `/groups/admins/members/${removed.id}`);
    await experiment.join('orchestrators', (await register('member of orchestrators')).id);
    const granted = await register('worker it was granted to');
    callers.set('the same, by a queue token', await queueToken(granted.id));
    const member = await register('member of a group it was granted to');
    callers.set('member of that group, by a queue token', await queueToken(member.id));
    const deep = await register('member of a group in that group');
    const readers = await experiment.group({ members: [member.id, await experiment.group({ members: [deep.id] })] });
    await register('worker of another experiment', other);
    await other.join('admins', (await register('admin of another experiment', other)).id);
    const foreign = await register('member of a group of another experiment that a record grants', other);
    const foreigners = await other.group({ members: [foreign.id] });
    for (const artifactId of [deposit.id, ofJob.id]) {
      for (const reader of [granted.id, readers, foreigners]) {
        const grant = { artifactId, reader, grantedBy: 'admin', grantedAt: 1 };
        await t.server.store.commit({ changes: [insert('grant', grant, 'keep')], preconditions: [], now: 1 });
      }
    }
  });

  const leases = new Map<string, { as: TestWorker; lease: string }>();
  async function currentLease(jobId: string, worker: V0Worker) {
    const held = leases.get(`${jobId} ${worker.id}`);
    if (held === undefined) throw new Error('the worker never held the job');
    return held;
  }
  /** Fails the attempt of the lease holder `from`, and claims the job for the worker `next`. */
  async function takeOver(from: { jobId: string; as: TestWorker; lease: string }, next: V0Worker): Promise<void> {
    const failed = await t.post(`/api/queue/jobs/${from.jobId}/fail`, { errorMessage: 'x', retryable: true }, from.as, {
      'proofhouse-lease': from.lease,
    });
    if (failed.status !== 200) throw new Error(failed.text);
    t.clock.advance(3_600_000);
    const [capability] = (await t.job(from.jobId)).requiredCapabilities;
    const token = await t.post('/api/queue/workers/tokens', { workerId: next.id, capabilities: [capability] });
    const as = { id: next.id, token: token.json.token as string, tokenId: '' };
    const job = await t.claim(as, { leaseSeconds: 3600 });
    if (job?.id !== from.jobId || job.leaseId === undefined) throw new Error('another job was claimed');
    leases.set(`${job.id} ${next.id}`, { as, lease: job.leaseId });
  }

  const ask: Record<Door, (as: Caller) => Promise<number>> = {
    fetch: async (as) => {
      const credential = as === 'admin' ? undefined : typeof as === 'object' && as !== null ? as.token : as;
      return (await experiment.fetch(deposit.uri, credential)).status;
    },
    content: async (as) => (await t.get(`/api/artifacts/${deposit.id}/content`, as)).status,
    get: async (as) => (await t.get(`/api/artifacts/${deposit.id}`, as)).status,
    list: (as) => listed(as, deposit.id, as === 'admin' ? `experimentId=${experiment.id}` : undefined),
    download: async (as) => (await t.download(ofJob, {}, as)).status,
    excerpt: async (as) => (await t.get(`/api/queue/jobs/${ofJob.jobId}/artifacts/${ofJob.id}/excerpt`, as)).status,
    mcp: async (as) => {
      if (as === null) return (await t.post('/mcp', {}, null)).status;
      const client = await McpClient.overHttp(t, as);
      try {
        const answer = await client.call('artifact_read', { jobId: ofJob.jobId, artifactId: ofJob.id });
        return answer.isError ? (answer.json.status as number) : 200;
      } finally {
        await client.close();
      }
    },
    jobContent: async (as) => (await t.get(`/api/artifacts/${ofJob.id}/content`, as)).status,
    jobList: (as) => listed(as, ofJob.id, `jobId=${ofJob.jobId}`),
  };

  /** Returns 200 if the artifact is in a list that the caller may read, otherwise another status. */
  async function listed(as: Caller, artifactId: string, query: string | undefined): Promise<number> {
    const own = typeof as === 'string' ? as.split(':')[0] : as?.id;
    const ownId = typeof as === 'string' && !as.includes(':') && as !== 'admin' ? await idOfToken(as) : own;
    let status = 403;
    for (const filter of [query, ownId === undefined ? undefined : `createdBy=${encodeURIComponent(ownId)}`]) {
      if (filter === undefined && as !== null) continue;
      const answer = await t.get(`/api/artifacts?${filter ?? ''}`, as);
      if (answer.status === 401) return 401;
      if (answer.status !== 200) continue;
      if ((answer.json.artifacts as { id: string }[]).some(({ id }) => id === artifactId)) status = 200;
    }
    return status;
  }
  async function idOfToken(token: string): Promise<string> {
    const found = await t.server.workers.authenticate(token);
    if (found?.principal.kind !== 'worker') throw new Error('this is no worker token');
    return found.principal.workerId;
  }

  it.each(Object.keys(matrix))('%s', async (name) => {
    const as = callers.get(name);
    if (as === undefined) throw new Error(`nobody is ${name}`);
    const answers: number[] = [];
    for (const door of doors) answers.push(await ask[door](as));
    expect(Object.fromEntries(doors.map((door, index) => [door, answers[index]]))).toEqual(
      Object.fromEntries(doors.map((door, index) => [door, matrix[name]![index]])),
    );
  });

  describe('that is sensitive', () => {
    it('are its maker, those it was granted to and the admins; holding its job is no grant', async () => {
      const record = (await t.server.store.artifacts.find(ofJob.id))!;
      const artifact = { ...record, dataClass: 'sensitive' as const };
      await t.server.store.commit({
        changes: [update('artifact', artifact, record.version)],
        preconditions: [],
        now: 1,
      });
      const answers: Record<string, number> = {};
      for (const name of ['admin', 'depositor', 'holder of the job', 'worker it was granted to', 'another worker']) {
        answers[name] = await ask.download(callers.get(name)!);
      }
      expect(answers).toEqual({
        admin: 200,
        depositor: 200,
        'holder of the job': 403,
        'worker it was granted to': 200,
        'another worker': 403,
      });
      expect(await ask.jobList(callers.get('holder of the job')!)).toBe(403);
    });
  });
});
