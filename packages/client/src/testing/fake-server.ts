import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  AppError,
  artifactTypeOf,
  errorTable,
  isAppError,
  operations,
  problemOf,
  v0ProblemOf,
  type ErrorCode,
  type Identity,
  type Job,
  type JobArtifact,
  type JobEvent,
  type OperationId,
  type Why,
  type WorkerToken,
} from '@proofhouse/core';
import type { SeenWorker } from '../api/workers-api.ts';
import { ByHand } from './by-hand.ts';
import { FakeExperiment } from './fake-experiment.ts';
import { FakeLog } from './fake-log.ts';

/** One request that the fake server received. */
export interface SeenRequest {
  readonly operation: OperationId;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  readonly json: Record<string, unknown>;
}

export interface StoredArtifact {
  readonly record: JobArtifact;
  readonly bytes: Buffer;
}

/**
 * A function that may answer a request instead of the fake server. It returns true if it answered. If it returns false,
 * the fake server answers. It is called before the body is read.
 */
export type Interference = (
  operation: OperationId,
  request: IncomingMessage,
  response: ServerResponse,
) => boolean | Promise<boolean>;

/**
 * A server in memory that answers every operation, for tests of clients. It does not check roles. It applies only the
 * rules that a client must handle: leases, idempotency keys, digests.
 */
export class FakeServer {
  readonly seen: SeenRequest[] = [];
  readonly jobs = new Map<string, Job>();
  readonly artifacts: StoredArtifact[] = [];
  readonly tokens: WorkerToken[] = [];
  readonly workers: SeenWorker[] = [];
  readonly log = new FakeLog();
  readonly experiment = new FakeExperiment();
  /** The answer to `explainJob`, for every job. */
  why: Omit<Why, 'jobId'> = {
    status: 'queued',
    summary: 'No worker was seen lately.',
    heldBy: null,
    notBefore: null,
    position: 0,
    unmet: ['type:exec'],
    eligibleWorkers: [],
    nearWorkers: [],
  };
  interfere: Interference = () => false;
  /** The answer to `identify`, for every credential. */
  identity: Identity = { kind: 'admin', id: 'admin', name: null, role: 'admin', version: '1' };
  /** Ids of jobs for which the answer to a claim omits the lease id. */
  readonly leaseless = new Set<string>();
  /** Milliseconds that a claim waits if no job is queued. The fake server uses it instead of `waitSeconds`. */
  claimWaitMs = 10;
  readonly #keys = new Map<string, unknown>();
  readonly #server: Server;
  #started = 0;

  constructor() {
    this.#server = createServer((request, response) => void this.#handle(request, response));
  }

  static async start(): Promise<FakeServer> {
    const fake = new FakeServer();
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Closes all connections and stops the server, so that tests can use `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  requestsOf(operation: OperationId): SeenRequest[] {
    return this.seen.filter((request) => request.operation === operation);
  }

  addJob(fields: Partial<Job> = {}): Job {
    // Each job gets a later creation time than the previous job, even if both are created within one millisecond.
    const at = new Date(Date.UTC(2026, 0, 1) + (this.#started += 1)).toISOString();
    const job: Job = {
      ...emptyJob,
      id: randomUUID(),
      createdAt: at,
      updatedAt: at,
      ...fields,
    };
    this.jobs.set(job.id, job);
    return job;
  }

  artifact(name: string): StoredArtifact {
    const found = this.artifacts.findLast((artifact) => artifact.record.name === name);
    if (found === undefined) throw new Error(`no artifact ${name}: ${this.artifactNames().join(', ')}`);
    return found;
  }

  artifactNames(): string[] {
    return this.artifacts.map((artifact) => artifact.record.name);
  }

  /** Gives the job another lease id, so that the next write of its holder fails with `lease_lost`. */
  takeAway(jobId: string): void {
    this.jobs.set(jobId, { ...this.job(jobId), leaseId: randomUUID() });
  }

  job(jobId: string): Job {
    const job = this.jobs.get(jobId);
    if (job === undefined) throw new AppError('job_not_found', `There is no job ${jobId}.`);
    return job;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const url = new URL(request.url ?? '/', this.url);
      const [operation, params] = match(request.method ?? '', url.pathname);
      if (await this.interfere(operation, request, response)) return;
      const body = await collect(request);
      const seen: SeenRequest = {
        operation,
        params,
        query: url.searchParams,
        headers: request.headers,
        body,
        json: (request.headers['content-type'] ?? '').includes('json') ? JSON.parse(body.toString() || '{}') : {},
      };
      this.seen.push(seen);
      const key = request.headers['idempotency-key'] as string | undefined;
      const answer = (key === undefined ? undefined : this.#keys.get(key)) ?? (await this.#answer(seen));
      if (key !== undefined) this.#keys.set(key, answer);
      if (answer instanceof ByHand) {
        answer.send(response);
        return;
      }
      sendJson(response, operations[operation].status, answer);
    } catch (error) {
      if (!response.headersSent) sendProblem(response, error);
    }
  }

  async #answer(request: SeenRequest): Promise<unknown> {
    const { params, json, query } = request;
    switch (request.operation) {
      case 'identify':
        return this.identity;
      case 'createJob':
        return this.addJob(operations.createJob.body.parse(json) as Partial<Job>);
      case 'listJobs':
        return page(
          [...this.jobs.values()].filter((job) => (query.get('status') ?? job.status) === job.status).toReversed(),
          query,
        );
      case 'getJob':
        return this.job(params['jobId']!);
      case 'claimJob':
        return this.#claim(operations.claimJob.body.parse(json));
      case 'heartbeatJob':
        return this.#held(request);
      case 'completeJob':
        return this.#end(request, {
          status: 'succeeded',
          resultSummary: (json['resultSummary'] as string | undefined) ?? null,
        });
      case 'failJob':
        return this.#end(request, {
          status: json['retryable'] === true ? 'queued' : 'failed',
          errorMessage: json['errorMessage'] as string,
        });
      case 'completeJobs':
        return { results: operations.completeJobs.body.parse(json).items.map((item) => this.#completeOne(item)) };
      case 'cancelJob':
        return this.#cancel(params['jobId']!, (json['reason'] as string | undefined) ?? null);
      case 'ackCancel':
        return this.#end(request, { status: 'cancelled' }, { kind: 'cancelled', message: 'Cancelled.' });
      case 'retryJob':
        return this.#retry(params['jobId']!);
      case 'explainJob':
        return { ...this.why, jobId: this.job(params['jobId']!).id };
      case 'listWorkers':
        return page(this.workers, query);
      case 'appendEvents':
        return { events: this.#note(request) };
      case 'listEvents':
        return this.log.page(this.job(params['jobId']!), Number(query.get('after')), Number(query.get('limit') ?? 100));
      case 'streamEvents':
        return this.#follow(request);
      case 'streamHints':
        return new ByHand((response) => this.log.hint(response));
      case 'putArtifact':
        return this.#store(request, params['name']!, request.body, query.get('type'));
      case 'uploadArtifact':
        return this.#storeForm(request);
      case 'listJobArtifacts':
        return page(
          this.artifacts
            .map((artifact) => artifact.record)
            .filter((one) => one.jobId === params['jobId'] && (query.get('name') ?? one.name) === one.name)
            .toReversed(),
          query,
        );
      case 'downloadArtifact':
        return this.#download(params['artifactId']!, request.headers.range);
      case 'createWorkerToken':
        return this.#mint(operations.createWorkerToken.body.parse(json));
      case 'listWorkerTokens':
        return page(this.tokens.toReversed(), query);
      case 'revokeWorkerToken':
        return this.#revoke(params['tokenId']!);
      default: {
        const answer = await this.experiment.answer(request);
        if (answer !== undefined) return answer;
        throw new AppError('unsupported', `The fake server does not know ${request.operation}.`);
      }
    }
  }

  async #claim(asked: { leaseSeconds: number; maxJobs?: number | undefined }): Promise<unknown> {
    const queued = [...this.jobs.values()].filter((job) => job.status === 'queued');
    if (queued.length === 0) await new Promise((resolve) => setTimeout(resolve, this.claimWaitMs));
    const leaseExpiresAt = new Date(Date.now() + asked.leaseSeconds * 1000).toISOString();
    const jobs = queued.slice(0, asked.maxJobs ?? 1).map((next) => {
      const job: Job = { ...next, status: 'running', claimedBy: 'worker-1', leaseId: randomUUID(), leaseExpiresAt };
      this.jobs.set(job.id, job);
      return this.leaseless.has(job.id) ? { ...job, leaseId: undefined } : job;
    });
    return asked.maxJobs === undefined ? { job: jobs[0] ?? null } : { jobs };
  }

  #held(request: SeenRequest): Job {
    const job = this.job(request.params['jobId']!);
    const lease = request.headers['proofhouse-lease'];
    if (lease !== undefined && (job.status !== 'running' || lease !== job.leaseId)) {
      throw new AppError('lease_lost', `The lease on job ${job.id} has ended.`);
    }
    return job;
  }

  #end(request: SeenRequest, fields: Partial<Job>, event?: Parameters<FakeLog['append']>[1]): Job {
    const job = { ...this.#held(request), ...fields };
    this.jobs.set(job.id, job);
    if (event !== undefined) this.log.append(job, event);
    return job;
  }

  #completeOne({ jobId, leaseId }: { jobId: string; leaseId: string }): unknown {
    const found = this.jobs.get(jobId);
    if (found?.leaseId !== leaseId) return { jobId, error: problemOf(new AppError('lease_lost', 'The lease ended.')) };
    const job: Job = { ...found, status: 'succeeded' };
    this.jobs.set(jobId, job);
    return { jobId, job };
  }

  #cancel(jobId: string, reason: string | null): Job {
    const found = this.job(jobId);
    if (found.status === 'succeeded') throw new AppError('job_state_conflict', `Job ${jobId} is succeeded.`);
    const status = found.status === 'queued' ? 'cancelled' : found.status;
    const job = { ...found, status, cancelRequestedAt: found.createdAt, cancelReason: reason };
    this.jobs.set(jobId, job);
    this.log.append(job, { kind: 'cancel_requested', level: 'warn', message: 'Somebody asked to cancel the job.' });
    return job;
  }

  #retry(jobId: string): Job {
    const job: Job = { ...this.job(jobId), status: 'queued', attempt: this.job(jobId).attempt + 1 };
    this.jobs.set(jobId, job);
    return job;
  }

  #note(request: SeenRequest): JobEvent[] {
    const { events, message = '', level = 'info', payload } = operations.appendEvents.body.parse(request.json);
    const notes = (events ?? [{ level, message, payload }]).map((note) => ({
      kind: 'note' as const,
      level: note.level,
      message: note.message,
      ...(note.payload == null ? {} : { payload: note.payload }),
    }));
    return this.log.append(this.#held(request), ...notes);
  }

  #follow({ params, query, headers }: SeenRequest): ByHand {
    const { id } = this.job(params['jobId']!);
    const after = Number(headers['last-event-id'] ?? query.get('after') ?? 0);
    return new ByHand((response) => this.log.follow(response, () => this.job(id), after));
  }

  #store(request: SeenRequest, name: string, bytes: Buffer, type: string | null): JobArtifact {
    const job = this.#held(request);
    const sha256 = createHash('sha256').update(bytes);
    const hex = sha256.copy().digest('hex');
    const given = request.headers['content-digest'];
    if (given !== undefined && given !== `sha-256=:${sha256.digest('base64')}:`) {
      throw new AppError('digest_mismatch', `The bytes of ${name} do not have the given digest.`);
    }
    const id = randomUUID();
    const record: JobArtifact = {
      id,
      jobId: job.id,
      name,
      uri: `proofhouse://artifacts/${id}`,
      type: (type ?? artifactTypeOf(name)) as JobArtifact['type'],
      title: name,
      status: 'draft',
      contentType: request.headers['content-type'] ?? 'application/octet-stream',
      sizeBytes: bytes.length,
      digest: `sha256:${hex}`,
      storagePath: `${job.id}/${name}`,
      createdBy: 'worker-1',
      tags: [],
      metadata: {},
      createdAt: job.createdAt,
    };
    this.artifacts.push({ record, bytes });
    return record;
  }

  async #storeForm(request: SeenRequest): Promise<JobArtifact> {
    const type = request.headers['content-type'] ?? '';
    const form = await new Response(request.body as BodyInit, { headers: { 'content-type': type } }).formData();
    const bytes = Buffer.from(await (form.get('file') as File).arrayBuffer());
    const record = this.#store(request, form.get('name') as string, bytes, form.get('type') as string | null);
    const metadata = JSON.parse((form.get('metadata') as string | null) ?? '{}') as object;
    return Object.assign(record, { metadata, title: form.get('title') ?? record.title });
  }

  #download(artifactId: string, range: string | undefined): ByHand {
    const artifact = this.artifacts.find((one) => one.record.id === artifactId);
    if (artifact === undefined) throw new AppError('artifact_not_found', `There is no artifact ${artifactId}.`);
    return new ByHand((response) => sendBytes(response, artifact, range));
  }

  #mint(fields: object): unknown {
    const workerToken = { ...emptyToken, ...fields, id: randomUUID() };
    this.tokens.push(workerToken);
    return { token: `phw_${randomUUID()}`, workerToken };
  }

  #revoke(id: string): WorkerToken {
    const at = this.tokens.findIndex((token) => token.id === id);
    const token = this.tokens[at];
    if (token === undefined) throw new AppError('not_found', `There is no worker token ${id}.`);
    return (this.tokens[at] = { ...token, revokedAt: emptyToken.createdAt });
  }
}

/** Sends an error as the real server does. For use in an `Interference`: returns true. */
export function refuse(response: ServerResponse, code: ErrorCode, headers: Record<string, string> = {}): boolean {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  sendProblem(response, new AppError(code, errorTable[code].sentence));
  return true;
}

const emptyJob: Omit<Job, 'id' | 'createdAt' | 'updatedAt'> = {
  type: 'exec',
  category: 'work',
  status: 'queued',
  priority: 0,
  payload: {},
  requiredCapabilities: [],
  affinityKey: null,
  taskId: null,
  bundleId: null,
  parentJobId: null,
  manifestName: null,
  createdBy: 'admin',
  claimedBy: null,
  lastClaimedBy: null,
  leaseExpiresAt: null,
  nextAttemptAt: null,
  attempt: 1,
  maxAttempts: 3,
  resultSummary: null,
  errorMessage: null,
  finish: null,
  findings: null,
  cancelRequestedAt: null,
  cancelRequestedBy: null,
  cancelReason: null,
  startedAt: null,
  attemptStartedAt: null,
  finishedAt: null,
};

const emptyToken: WorkerToken = {
  id: '',
  workerId: 'worker-1',
  description: null,
  allowedRepositories: null,
  allowedJobTypes: null,
  capabilities: null,
  canEnqueue: false,
  readMetrics: false,
  createdBy: 'admin',
  createdAt: '2026-01-01T00:00:00.000Z',
  expiresAt: null,
  revokedAt: null,
  lastUsedAt: null,
};

function match(method: string, pathname: string): [OperationId, Record<string, string>] {
  for (const [id, row] of Object.entries(operations)) {
    if (row.method !== method) continue;
    const pattern = row.path.replace(
      /\{(\+?)(\w+)\}/g,
      (_all, rest: string, name: string) => `(?<${name}>${rest === '+' ? '.+' : '[^/]+'})`,
    );
    const found = new RegExp(`^${pattern}$`).exec(pathname);
    if (found === null) continue;
    const params = Object.entries(found.groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)]);
    return [id as OperationId, Object.fromEntries(params)];
  }
  throw new AppError('not_found', `There is nothing at ${method} ${pathname}.`);
}

function page(items: readonly unknown[], query: URLSearchParams): unknown {
  const from = Number(query.get('cursor') ?? 0);
  const until = from + Number(query.get('limit') ?? 50);
  return { items: items.slice(from, until), nextCursor: until < items.length ? String(until) : null };
}

async function collect(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

function sendProblem(response: ServerResponse, error: unknown): void {
  const url = new URL(response.req.url ?? '/', 'http://fake.invalid');
  const known = isAppError(error) ? error : new AppError('invalid_request', String(error));
  const problem = url.pathname.startsWith('/v0/') ? v0ProblemOf(known, url.href) : problemOf(known, 'request-1');
  response.writeHead(problem.status, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem));
}

function sendBytes(response: ServerResponse, { record, bytes }: StoredArtifact, range: string | undefined): void {
  const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
  const base = record.name.slice(record.name.lastIndexOf('/') + 1);
  response.writeHead(range === undefined ? 200 : 206, {
    'content-type': record.contentType,
    'content-length': bytes.length - from,
    'content-disposition': `attachment; filename="x"; filename*=UTF-8''${encodeURIComponent(base)}`,
    'repr-digest': `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`,
  });
  response.end(bytes.subarray(from));
}
