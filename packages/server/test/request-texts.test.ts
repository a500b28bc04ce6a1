// A table says for every text that a client can send what the server does with it. This test compares the table with
// the schemas of all operations, so that no new field is forgotten. It also sends each stored text with a secret in it.
import { expect, it } from 'vitest';
import { expectNowhere } from './support/expect-nowhere.ts';
import { forAnyStore } from './support/for-each-store.ts';
import { fieldsAndFile, formBody, formType, type FormPart } from './support/form.ts';
import { McpClient } from './support/mcp-client.ts';
import { githubToken } from './support/secret-samples.ts';
import { laterFields, stampedFields } from '@proofhouse/core';
import { textFields } from './support/text-fields.ts';
import { makeUser } from './support/test-user.ts';
import type { Answer, TestServer } from './support/test-server.ts';
import { WireExperiment } from './support/wire-experiment.ts';

/**
 * What the server does with a text. `compared`: compares it or looks it up, and never stores it. `closed`: accepts only
 * values of a fixed list or form. `refused`: always refuses the field. `digest`: stores a digest of it if it contains a
 * secret. A function sends a text that is stored, which the policy `reject` must refuse.
 */
type Treatment = 'compared' | 'closed' | 'refused' | Digest | Door;
type Door = (t: TestServer, text: string) => Promise<Pick<Answer, 'text'> & { readonly status?: number }>;
interface Digest {
  /** Sends the text. The server must accept it. */
  readonly digest: Door;
}

const compared = 'compared';
const closed = 'closed';
const refused = 'refused';

const job = (field: (text: string) => object): Door => {
  return (t, text) => t.post('/api/queue/jobs', { type: 'exec', ...field(text) });
};
const batch = (list: string, field: (text: string) => object): Door => {
  return (t, text) => t.post('/api/queue/jobs/batch', { [list]: [{ type: 'exec', ...field(text) }] });
};
const jobFields = (sent: (field: (text: string) => object) => Door): Record<string, Treatment> => ({
  type: closed,
  'payload.*': sent((text) => ({ payload: { text } })),
  affinityKey: sent((affinityKey) => ({ affinityKey })),
  'requiredCapabilities[]': sent((text) => ({ requiredCapabilities: [text] })),
  taskId: refused,
  bundleId: refused,
  idempotencyKey: { digest: sent((idempotencyKey) => ({ idempotencyKey })) },
});
const held = (call: string, field: (text: string) => object): Door => {
  return async (t, text) => {
    const { job: running, worker, lease } = await t.running();
    if (call === 'cancel/ack') await t.post(`/api/queue/jobs/${running.id}/cancel`);
    return t.post(`/api/queue/jobs/${running.id}/${call}`, field(text), worker, { 'proofhouse-lease': lease });
  };
};
const finishNames = ['finishOutcomeCode', 'finishOutcomeStage', 'finishOutcomeReason', 'finishSummary'];
const finishFields = (sent: (field: (text: string) => object) => Door) => ({
  ...Object.fromEntries(finishNames.map((name) => [name, sent((text) => ({ [name]: text }))])),
  'finishSummary.*': sent((text) => ({ finishSummary: { text } })),
});
const completeItem = (field: (text: string) => object): Door => {
  return async (t, text) => {
    const { job: running, worker, lease } = await t.running();
    const items = [{ jobId: running.id, leaseId: lease, ...field(text) }];
    const { text: answer, json } = await t.post('/api/queue/jobs/complete-batch', { items }, worker);
    return { text: answer, status: json.results[0].error?.status as number };
  };
};
const withKey = (call: (t: TestServer, headers: Record<string, string>) => Promise<Answer>): Digest => ({
  digest: (t, key) => call(t, { 'idempotency-key': key }),
});
const form = (field: string): Door => {
  return async (t, text) => t.upload((await t.enqueue()).id, { name: t.unique('a'), fields: { [field]: text } });
};
const tool = (field: string): Door => {
  return async (t, text) => {
    const mcp = await McpClient.overHttp(t);
    const args = { jobId: (await t.enqueue()).id, name: t.unique('a'), text: 'bytes', [field]: text };
    const { json, text: answer } = await mcp.call('queue_upload_artifact', args);
    await mcp.close();
    return { text: answer, status: json.status as number };
  };
};
const token = (field: (text: string) => object): Door => {
  return (t, text) => t.post('/api/queue/workers/tokens', { workerId: t.unique('w'), ...field(text) });
};
const wire = (below: string, field: (text: string) => object): Door => {
  return async (t, text) => (await WireExperiment.make(t)).post(below, field(text));
};
const deposit = (part: (text: string) => object): Door => {
  return async (t, text) =>
    (await WireExperiment.make(t)).send([{ name: 'file', value: 'bytes', filename: 'a', ...part(text) }]);
};

const register = (field: (text: string) => object): Door => {
  const body = { type: 'external-link', title: 't', storageUri: 'https://h.example/a' };
  return (t, text) => t.post('/api/artifacts', { ...body, ...field(text) });
};
const change = (field: (text: string) => object): Door => {
  return async (t, text) => {
    const body = { type: 'external-link', title: 't', storageUri: 'https://h.example/a' };
    const { json } = await t.post('/api/artifacts', body);
    return t.call('PUT', `/api/artifacts/${json.artifact.id as string}`, { json: field(text) });
  };
};
const review = (verb: string, field: (text: string) => object): Door => {
  return async (t, text) => {
    const body = { type: 'external-link', title: 't', storageUri: 'https://h.example/a' };
    const made = async (): Promise<string> => (await t.post('/api/artifacts', body)).json.artifact.id as string;
    const id = await made();
    if (verb !== 'supersede') return t.post(`/api/artifacts/${id}/${verb}`, field(text));
    await t.post(`/api/artifacts/${id}/approve`);
    return t.post(`/api/artifacts/${id}/supersede`, { by: await made(), ...field(text) });
  };
};
const putArchive: Door = async (t, note) => {
  const body = { type: 'external-link', title: 't', storageUri: 'https://h.example/a' };
  const id = (await t.post('/api/artifacts', body)).json.artifact.id as string;
  return t.call('PUT', `/api/artifacts/${id}/archive`, { json: { note } });
};
const reviewMany: Door = async (t, note) => {
  const body = { type: 'external-link', title: 't', storageUri: 'https://h.example/a' };
  const artifactId = (await t.post('/api/artifacts', body)).json.artifact.id as string;
  const items = [{ artifactId, digest: null, expectedVersion: 1 }];
  const { text, json } = await t.post('/api/artifacts/review', { decision: 'reject', note, items });
  return { text, status: json.results[0].status as number };
};
const moveFields = (verb: string): Record<string, Treatment> => ({
  'params.artifactId': compared,
  'body.digest': closed,
  'body.note': review(verb, (note) => ({ note })),
});
const reviewFields = (verb: string): Record<string, Treatment> => ({
  ...moveFields(verb),
  'body.comments[].path': review(verb, (path) => ({ comments: [{ path, text: 'x' }] })),
  'body.comments[].quote': review(verb, (quote) => ({ comments: [{ quote, text: 'x' }] })),
  'body.comments[].text': review(verb, (text) => ({ comments: [{ text }] })),
});
const recordFields = (sent: (field: (text: string) => object) => Door): Record<string, Treatment> => ({
  ...refusedFields,
  title: sent((title) => ({ title })),
  description: sent((description) => ({ description })),
  storageUri: sent((text) => ({ storageUri: `https://h.example/${text}` })),
  filename: sent((filename) => ({ filename })),
  contentType: sent((text) => ({ contentType: `text/plain; a=${text}` })),
  checksum: closed,
  assistantJobId: sent((assistantJobId) => ({ assistantJobId })),
  reviewer: compared,
  'tags[]': sent((text) => ({ tags: [text] })),
  'metadata.*': sent((text) => ({ metadata: { text } })),
});
const refusedFields = Object.fromEntries([...stampedFields, ...laterFields].map((name) => [name, refused]));
const standalone = (parts: (text: string) => readonly FormPart[], headers = {}): Door => {
  return (t, text) =>
    t.call('POST', '/api/artifacts/upload', {
      payload: formBody(parts(text)),
      headers: { 'content-type': formType, ...headers },
    });
};
const standaloneField = (name: string, value = (text: string) => text): Door =>
  standalone((text) => fieldsAndFile({ [name]: value(text) }));

/** Returns the fields with `at` as a prefix of their names. */
function under(at: string, fields: Readonly<Record<string, Treatment>>): Record<string, Treatment> {
  return Object.fromEntries(Object.entries(fields).map(([name, treatment]) => [`${at}.${name}`, treatment]));
}

const holder = { workerId: compared, leaseId: compared } as const;
const onJob = { 'params.jobId': compared } as const;
const inExperiment = { 'params.experimentId': compared } as const;

const table: Readonly<Record<string, Readonly<Record<string, Treatment>>>> = {
  createJob: {
    ...under('body', jobFields(job)),
    'headers.idempotency-key': withKey((t, headers) => t.post('/api/queue/jobs', { type: 'exec' }, 'admin', headers)),
  },
  createJobs: {
    ...under(
      'body.items[]',
      jobFields((field) => batch('items', field)),
    ),
    ...under(
      'body.jobs[]',
      jobFields((field) => batch('jobs', field)),
    ),
    'headers.idempotency-key': withKey((t, headers) =>
      t.post('/api/queue/jobs/batch', { items: [{ type: 'exec' }] }, 'admin', headers),
    ),
  },
  claimJob: {
    'body.workerId': (t, workerId) => t.post('/api/queue/jobs/claim', { workerId }),
    'body.allowedTypes[]': closed,
    'body.workerCapabilities[]': (t, text) =>
      t.post('/api/queue/jobs/claim', { workerId: 'w', workerCapabilities: [text] }),
    'headers.idempotency-key': withKey((t, headers) =>
      t.post('/api/queue/jobs/claim', { workerId: 'w' }, 'admin', headers),
    ),
  },
  heartbeatJob: {
    ...onJob,
    'body.workerId': async (t, workerId) => {
      const { job: running, lease } = await t.running();
      return t.post(`/api/queue/jobs/${running.id}/heartbeat`, { workerId, leaseId: lease });
    },
    'body.leaseId': compared,
  },
  completeJob: {
    ...onJob,
    ...under('body', {
      ...holder,
      resultSummary: held('complete', (resultSummary) => ({ resultSummary })),
      ...finishFields((field) => held('complete', field)),
    }),
  },
  failJob: {
    ...onJob,
    ...under('body', {
      ...holder,
      errorMessage: held('fail', (errorMessage) => ({ errorMessage })),
      ...finishFields((field) => held('fail', (text) => ({ errorMessage: 'e', ...field(text) }))),
    }),
  },
  completeJobs: {
    'body.workerId': compared,
    ...under('body.items[]', {
      jobId: compared,
      leaseId: compared,
      resultSummary: completeItem((resultSummary) => ({ resultSummary })),
      ...finishFields(completeItem),
    }),
  },
  cancelJob: {
    ...onJob,
    'body.reason': async (t, reason) => t.post(`/api/queue/jobs/${(await t.enqueue()).id}/cancel`, { reason }),
  },
  ackCancel: {
    ...onJob,
    ...under('body', {
      ...holder,
      message: held('cancel/ack', (message) => ({ message })),
      ...finishFields((field) => held('cancel/ack', field)),
    }),
  },
  cancelJobs: {
    'body.items[].jobId': compared,
    'body.reason': async (t, reason) => {
      const items = [{ jobId: (await t.enqueue()).id }];
      const { text, json } = await t.post('/api/queue/jobs/cancel-batch', { reason, items });
      return { text, status: json.results[0].error?.status as number };
    },
  },
  retryJobs: { 'body.items[].jobId': compared },
  retryJob: onJob,
  appendEvents: {
    ...onJob,
    ...under('body', {
      ...holder,
      message: held('events', (message) => ({ message })),
      'payload.*': held('events', (text) => ({ message: 'm', payload: { text } })),
      'events[].message': held('events', (message) => ({ events: [{ message }] })),
      'events[].payload.*': held('events', (text) => ({ events: [{ message: 'm', payload: { text } }] })),
    }),
    'headers.idempotency-key': withKey(async (t, headers) => {
      const { job: running, worker, lease } = await t.running();
      const all = { 'proofhouse-lease': lease, ...headers };
      return t.post(`/api/queue/jobs/${running.id}/events`, { message: 'm' }, worker, all);
    }),
  },
  createWorkerToken: under('body', {
    workerId: token((workerId) => ({ workerId })),
    description: token((description) => ({ description })),
    'allowedRepositories[]': token((text) => ({ allowedRepositories: [text] })),
    // The value must be in lower case and have at most 64 characters. The scanner checks it too.
    'allowedJobTypes[]': closed,
    'capabilities[]': token((text) => ({ capabilities: [text] })),
  }),
  revokeWorkerToken: { 'params.tokenId': compared },
  uploadArtifact: {
    ...onJob,
    ...under('body', {
      ...holder,
      name: form('name'),
      contentType: (t, text) => form('contentType')(t, `text/plain; a=${text}`),
      digest: compared,
      title: form('title'),
      tags: (t, text) => form('tags')(t, JSON.stringify([text])),
      metadata: (t, text) => form('metadata')(t, JSON.stringify({ text })),
    }),
    'headers.idempotency-key': withKey(async (t, headers) =>
      t.upload((await t.enqueue()).id, { name: t.unique('a'), headers }),
    ),
    bytes: async (t, file) => t.upload((await t.enqueue()).id, { name: t.unique('a'), file }),
    'bytes.contentType': async (t, text) => {
      const file = { name: 'file', value: 'bytes', filename: 'a', contentType: `text/plain; a=${text}` };
      const payload = formBody([{ name: 'name', value: t.unique('a') }, file]);
      const url = `/api/queue/jobs/${(await t.enqueue()).id}/artifacts/upload`;
      return t.call('POST', url, { payload, headers: { 'content-type': formType } });
    },
    // Only compared, because the artifact gets its name from the field `name`.
    'bytes.filename': compared,
  },
  putArtifact: {
    ...onJob,
    'params.name': async (t, name) => t.put((await t.enqueue()).id, { name }),
    'query.title': async (t, title) => t.call('PUT', `${await pathOf(t)}?title=${title}`, { payload: 'bytes' }),
    'headers.content-digest': compared,
    'headers.idempotency-key': withKey(async (t, headers) =>
      t.put((await t.enqueue()).id, { name: t.unique('a'), headers }),
    ),
    bytes: async (t, file) => t.put((await t.enqueue()).id, { name: t.unique('a'), file }),
    'bytes.contentType': async (t, text) => {
      const headers = { 'content-type': `text/plain; a=${text}` };
      return t.put((await t.enqueue()).id, { name: t.unique('a'), headers });
    },
    ...under('mcp', {
      jobId: compared,
      leaseId: compared,
      name: tool('name'),
      contentType: (t, text) => tool('contentType')(t, `text/plain; a=${text}`),
      title: tool('title'),
      text: tool('text'),
      base64: async (t, text) => {
        const mcp = await McpClient.overHttp(t);
        const base64 = Buffer.from(text).toString('base64');
        const args = { jobId: (await t.enqueue()).id, name: t.unique('a'), base64 };
        const { json, text: answer } = await mcp.call('queue_upload_artifact', args);
        await mcp.close();
        return { text: answer, status: json.status as number };
      },
      idempotencyKey: { digest: tool('idempotencyKey') },
    }),
  },
  registerArtifact: {
    ...under('body', { ...recordFields(register), jobId: compared, experimentId: compared }),
    'headers.idempotency-key': withKey((t, headers) =>
      t.post('/api/artifacts', { type: 'other', title: 't', storageUri: 'https://h.example/a' }, 'admin', headers),
    ),
  },
  uploadStandaloneArtifact: {
    ...under('body', {
      ...refusedFields,
      name: standaloneField('name'),
      contentType: standaloneField('contentType', (text) => `text/plain; a=${text}`),
      digest: compared,
      title: standaloneField('title'),
      description: standaloneField('description'),
      experimentId: compared,
      assistantJobId: standaloneField('assistantJobId'),
      reviewer: compared,
      tags: standaloneField('tags', (text) => JSON.stringify([text])),
      metadata: standaloneField('metadata', (text) => JSON.stringify({ text })),
    }),
    'headers.idempotency-key': withKey(
      async (t, headers) => (await standalone(() => fieldsAndFile({}), headers)(t, '')) as Answer,
    ),
    bytes: standalone((value) => [{ name: 'file', value }]),
    'bytes.contentType': standalone((text) => [{ name: 'file', value: 'bytes', contentType: `text/plain; a=${text}` }]),
    'bytes.filename': standalone((filename) => [{ name: 'file', value: 'bytes', filename }]),
  },
  updateArtifact: {
    'params.artifactId': compared,
    ...under('body', { ...recordFields(change), jobId: refused, experimentId: refused, name: refused }),
  },
  approveArtifact: reviewFields('approve'),
  rejectArtifact: reviewFields('reject'),
  reviewArtifacts: {
    'body.items[].artifactId': compared,
    'body.items[].digest': closed,
    'body.note': reviewMany,
  },
  archiveArtifact: moveFields('archive'),
  putArtifactArchive: { 'params.artifactId': compared, 'body.digest': closed, 'body.note': putArchive },
  supersedeArtifact: { ...moveFields('supersede'), 'body.by': compared },
  pinArtifact: { 'params.artifactId': compared },
  unpinArtifact: { 'params.artifactId': compared },
  createUser: under('body', {
    name: (t, name) => t.post('/api/users', { name, role: 'operator' }),
    email: (t, text) => t.post('/api/users', { name: 'Ada', role: 'operator', email: `${text}@example.com` }),
  }),
  updateUser: {
    'params.userId': compared,
    'body.name': async (t, name) => t.call('PUT', await userPath(t), { json: { name } }),
    'body.email': async (t, text) => t.call('PUT', await userPath(t), { json: { email: `${text}@example.com` } }),
  },
  createUserToken: {
    'params.userId': compared,
    'body.description': async (t, description) => t.post(`${await userPath(t)}/tokens`, { description }),
  },
  revokeUserToken: { 'params.userId': compared, 'params.tokenId': compared },
  createExperiment: {
    'body.experimentId': closed,
    'body.name': (t, name) => t.post('/api/experiments', { name }),
  },
  createTicket: { 'body.path': compared },
  collectStorage: { 'body.cursor': compared },
  verifyStorage: { 'body.cursor': compared },
  registerWorker: {
    ...inExperiment,
    'body.name': wire('/workers', (name) => ({ name })),
    'body.labels.*': wire('/workers', (text) => ({ labels: { text } })),
  },
  reissueCredential: { ...inExperiment, 'params.workerId': compared },
  createGroup: {
    ...inExperiment,
    'body.name': wire('/groups', (name) => ({ name })),
    'body.members[]': closed,
  },
  addGroupMember: { ...inExperiment, 'params.groupId': compared, 'body.member_id': closed },
  removeGroupMember: { ...inExperiment, 'params.groupId': compared, 'params.memberId': compared },
  deleteGroup: { ...inExperiment, 'params.groupId': compared },
  depositArtifact: {
    ...inExperiment,
    'headers.idempotency-key': withKey(async (t, headers) =>
      (await WireExperiment.make(t)).send([{ name: 'file', value: 'bytes', filename: 'a' }], undefined, headers),
    ),
    bytes: deposit((value) => ({ value })),
    'bytes.contentType': deposit((text) => ({ contentType: `text/plain; a=${text}` })),
    'bytes.filename': deposit((filename) => ({ filename })),
  },
  grantRead: { ...inExperiment, 'body.uri': compared, 'body.reader': compared },
};

const rows = Object.entries(table).flatMap(([id, fields]) =>
  Object.entries(fields).map(([field, treatment]) => ({ name: `${id} ${field}`, treatment })),
);
const doors = rows.flatMap(({ name, treatment }) =>
  typeof treatment === 'function' ? [{ name, door: treatment }] : [],
);
const digests = rows.flatMap(({ name, treatment }, index) =>
  typeof treatment === 'object' ? [{ name, door: treatment.digest, secret: githubToken(100 + index) }] : [],
);

async function userPath(t: TestServer): Promise<string> {
  return `/api/users/${(await makeUser(t, 'operator')).id}`;
}

async function pathOf(t: TestServer): Promise<string> {
  return `/api/queue/jobs/${(await t.enqueue()).id}/artifacts/${t.unique('a')}`;
}

it('the table of texts has every text field of every request', () => {
  const listed = Object.entries(table).map(([id, fields]) => [id, Object.keys(fields).toSorted()]);
  expect(Object.fromEntries(listed)).toEqual(textFields());
});

forAnyStore(
  'the policy reject',
  (harness) => {
    it.each(doors)('refuses a secret in $name, and neither stores nor repeats it', async ({ door }) => {
      const t = harness();
      const secret = githubToken(1);
      const { status, text } = await door(t, secret);
      expect(status, text).toBe(422);
      expect(text).not.toContain(secret);
      expectNowhere(t, [secret]);
    });

    it.each(digests)('stores only the digest of a secret in $name', async ({ door, secret }) => {
      const t = harness();
      const { status = 200, text } = await door(t, secret);
      expect([200, 201], text).toContain(status);
      expectNowhere(t, [secret]);
    });

    it('answers a repeated idempotency key with a secret in it with the first job', async () => {
      const t = harness();
      const headers = { 'idempotency-key': githubToken(3) };
      const post = (payload: object) => t.post('/api/queue/jobs', { type: 'exec', payload }, 'admin', headers);
      const first = await post({});
      expect(await post({})).toMatchObject({ status: 200, json: { id: first.json.id as string } });
      expect(await post({ other: 1 })).toMatchObject({ status: 409, json: { code: 'idempotency_conflict' } });
    });
  },
  { settings: { secretPolicy: 'reject' } },
);

forAnyStore('an error answer', (harness) => {
  const secret = githubToken(4);
  it.each<[string, (t: TestServer) => Promise<Pick<Answer, 'text'>>]>([
    ['an unknown job type', (t) => t.post('/api/queue/jobs', { type: secret })],
    ['an unknown field', (t) => t.post('/api/queue/jobs', { type: 'exec', [secret]: 1 })],
    ['an unknown id', (t) => t.get(`/api/queue/jobs/${secret}`)],
    ['an unknown path', (t) => t.get(`/api/${secret}`)],
    ['a name that is not allowed', async (t) => t.upload((await t.enqueue()).id, { name: `../${secret}` })],
    [
      'the job of a batch',
      (t) => t.post('/api/queue/jobs/complete-batch', { workerId: 'w', items: [{ jobId: secret, leaseId: 'l' }] }),
    ],
    ['a path below /v0', async (t) => (await WireExperiment.make(t)).get(`/workers/${secret}`)],
    ['the name of a tool', async (t) => failedTool(t, secret)],
  ])('does not repeat a secret in %s', async (_where, call) => {
    const { text } = await call(harness());
    expect(text).not.toContain(secret);
    expect(text).toContain('***MASKED***');
  });
});

async function failedTool(t: TestServer, name: string): Promise<{ text: string }> {
  const mcp = await McpClient.overHttp(t);
  const text = await mcp.call(name).then(
    (answer) => answer.text,
    (error: unknown) => String(error),
  );
  await mcp.close();
  return { text };
}

forAnyStore('the policy flag', (harness) => {
  it('stores a worker with a secret in its description and says so in the log, without the secret', async () => {
    const t = harness();
    const secret = githubToken(5);
    const answer = await t.post('/api/queue/workers/tokens', { workerId: t.unique('w'), description: secret });
    expect(answer.status, answer.text).toBe(201);
    const log = t.logLines.join('');
    expect(log).toContain('a stored text contains a secret');
    expect(log).toContain('github-token');
    expect(log).not.toContain(secret);
  });
});
