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
  type ErrorCode,
  type Job,
  type JobArtifact,
  type OperationId,
  type WorkerToken,
} from '@proofhouse/core';

/** One request as the fake saw it. */
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

/** Answers instead of the fake; returning false lets the fake go on. Called before the body is read. */
export type Interference = (
  operation: OperationId,
  request: IncomingMessage,
  response: ServerResponse,
) => boolean | Promise<boolean>;

/**
 * A server of the operations table that keeps everything in memory, for tests of what calls it. It knows no roles and
 * only the rules that callers can feel: leases, idempotency keys, digests.
 */
export class FakeServer {
  readonly seen: SeenRequest[] = [];
  readonly jobs = new Map<string, Job>();
  readonly artifacts: StoredArtifact[] = [];
  readonly tokens: WorkerToken[] = [];
  interfere: Interference = () => false;
  /** A claim that finds nothing waits for `claimWaitMs`, whatever it asked for. */
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

  /** As `await using` wants it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  requestsOf(operation: OperationId): SeenRequest[] {
    return this.seen.filter((request) => request.operation === operation);
  }

  addJob(fields: Partial<Job> = {}): Job {
    // Later jobs are newer also when made within one millisecond.
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

  /** The holder of this job finds its lease gone. */
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
      if (answer instanceof Download) {
        sendBytes(response, answer.artifact);
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
        return { job: await this.#claim(operations.claimJob.body.parse(json)) };
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
        return this.#download(params['artifactId']!);
      case 'createWorkerToken':
        return this.#mint(operations.createWorkerToken.body.parse(json));
      case 'listWorkerTokens':
        return page(this.tokens.toReversed(), query);
      case 'revokeWorkerToken':
        return this.#revoke(params['tokenId']!);
    }
  }

  async #claim(asked: { leaseSeconds: number }): Promise<Job | null> {
    const next = [...this.jobs.values()].find((job) => job.status === 'queued');
    if (next === undefined) {
      await new Promise((resolve) => setTimeout(resolve, this.claimWaitMs));
      return null;
    }
    const leaseExpiresAt = new Date(Date.now() + asked.leaseSeconds * 1000).toISOString();
    const job: Job = { ...next, status: 'running', claimedBy: 'worker-1', leaseId: randomUUID(), leaseExpiresAt };
    this.jobs.set(job.id, job);
    return job;
  }

  #held(request: SeenRequest): Job {
    const job = this.job(request.params['jobId']!);
    const lease = request.headers['proofhouse-lease'];
    if (lease !== undefined && (job.status !== 'running' || lease !== job.leaseId)) {
      throw new AppError('lease_lost', `The lease on job ${job.id} has ended.`);
    }
    return job;
  }

  #end(request: SeenRequest, fields: Partial<Job>): Job {
    const job = { ...this.#held(request), ...fields };
    this.jobs.set(job.id, job);
    return job;
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
    return this.#store(request, form.get('name') as string, bytes, form.get('type') as string | null);
  }

  #download(artifactId: string): Download {
    const artifact = this.artifacts.find((one) => one.record.id === artifactId);
    if (artifact === undefined) throw new AppError('artifact_not_found', `There is no artifact ${artifactId}.`);
    return new Download(artifact);
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

/** A refusal such as the server's, for interferences. */
export function refuse(response: ServerResponse, code: ErrorCode, headers: Record<string, string> = {}): boolean {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  sendProblem(response, new AppError(code, errorTable[code].sentence));
  return true;
}

class Download {
  readonly artifact: StoredArtifact;
  constructor(artifact: StoredArtifact) {
    this.artifact = artifact;
  }
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
  createdBy: 'admin',
  claimedBy: null,
  leaseExpiresAt: null,
  nextAttemptAt: null,
  attempt: 1,
  maxAttempts: 3,
  resultSummary: null,
  errorMessage: null,
  cancelRequestedAt: null,
  cancelRequestedBy: null,
  cancelReason: null,
  startedAt: null,
  finishedAt: null,
};

const emptyToken: WorkerToken = {
  id: '',
  workerId: 'worker-1',
  description: null,
  allowedRepositories: null,
  allowedJobTypes: null,
  capabilities: null,
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
  const known = isAppError(error) ? error : new AppError('invalid_request', String(error));
  response
    .writeHead(known.status, { 'content-type': 'application/problem+json' })
    .end(JSON.stringify(problemOf(known, 'request-1')));
}

function sendBytes(response: ServerResponse, { record, bytes }: StoredArtifact): void {
  const base = record.name.slice(record.name.lastIndexOf('/') + 1);
  response.writeHead(200, {
    'content-type': record.contentType,
    'content-length': bytes.length,
    'content-disposition': `attachment; filename="x"; filename*=UTF-8''${encodeURIComponent(base)}`,
    'repr-digest': `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`,
  });
  response.end(bytes);
}
