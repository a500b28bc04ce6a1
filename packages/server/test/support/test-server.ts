import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { Agent, request, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { AddressInfo } from 'node:net';
import { inject } from 'vitest';
import type { CreateJob, CreateWorkerToken, Job, JobArtifact } from '@proofhouse/core';
import { compose, completeConfig, ManualClock, makeLogger, type Server } from '@proofhouse/server';
import { expectDescribed } from './described-answer.ts';
import { fieldsAndFile, formBody, formType } from './form.ts';
import { emptyDatabase, migratedDatabase } from '../../src/stores/sql/dialects/postgres/testing/test-database.ts';

export type StoreName = 'sqlite' | 'postgres' | 'memory';

export interface TestServerOptions {
  readonly store?: StoreName;
  readonly clock?: ManualClock;
  /** Path of the script of the threads that scan for secrets. */
  readonly secretScript?: string;
  /** Settings of the server, in the format of `completeConfig`. */
  readonly settings?: Parameters<typeof completeConfig>[0];
  /**
   * Called before the server starts, with its data folder and the URL of its empty database. It can copy an existing
   * store there. The server then uses the admin token of that store, and `adminToken` is not set.
   */
  readonly prepare?: (dataDir: string, databaseUrl: string) => Promise<void>;
}

/** A worker with its only token. */
export interface TestWorker {
  readonly id: string;
  readonly token: string;
  readonly tokenId: string;
}

/**
 * The caller of a request: `admin`, a worker, or null for no credential. Any other text is sent as the bearer token.
 */
export type Caller = TestWorker | string | null;

export interface CallOptions {
  readonly as?: Caller;
  /** A value that is sent as a JSON body. */
  readonly json?: unknown;
  /** A body that is sent unchanged. */
  readonly payload?: string | Buffer;
  /**
   * A body without a Content-Length. Each piece is sent as its own HTTP chunk, so the server receives them one by one.
   */
  readonly pieces?: readonly Buffer[];
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Buffer;
  readonly text: string;
  /** The JSON document in the body. Its type is `any`, because each test expects another shape. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- an answer's shape is what a test is about.
  readonly json: any;
}

export interface Upload {
  readonly name: string;
  readonly file?: string | Buffer;
  readonly fields?: Readonly<Record<string, string>>;
  readonly as?: Caller;
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

export const adminToken = 'the-admin-token-of-the-tests';

/** Starts a complete server with its own store and data folder. Its clock advances only when the test advances it. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), 'proofhouse-test-'));
  const clock = options.clock ?? new ManualClock();
  const database = await databaseFor(options);
  const logLines: string[] = [];
  const destination = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      logLines.push(chunk.toString());
      done();
    },
  });
  const config = completeConfig({
    dataDir: folder,
    ...(database.url === undefined ? {} : { databaseUrl: database.url }),
    port: 0,
    ...(options.prepare === undefined ? { adminToken } : {}),
    mode: 'test',
    ...options.settings,
  });
  try {
    await options.prepare?.(folder, config.databaseUrl);
    const { secretScript } = options;
    const logger = makeLogger('debug', destination);
    const server = await compose(config, { logger, clock, ...(secretScript === undefined ? {} : { secretScript }) });
    return new TestServer(server, clock, folder, logLines, database.drop);
  } catch (error) {
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

async function databaseFor({
  store = 'memory',
  prepare,
}: TestServerOptions): Promise<{ url?: string; drop: () => Promise<void> }> {
  if (store === 'sqlite') return { drop: () => Promise.resolve() };
  if (store === 'memory') return { url: 'sqlite::memory:', drop: () => Promise.resolve() };
  const serverUrl = inject('postgresUrl');
  if (serverUrl === undefined) throw new Error('this run has no Postgres');
  return prepare === undefined ? migratedDatabase(serverUrl) : emptyDatabase(serverUrl);
}

export class TestServer {
  readonly server: Server;
  readonly clock: ManualClock;
  readonly folder: string;
  /** All log lines that the server has written. */
  readonly logLines: string[];
  readonly #drop: () => Promise<void>;
  readonly #agent = new Agent({ keepAlive: true });
  #port: number | undefined;
  #count = 0;

  constructor(server: Server, clock: ManualClock, folder: string, logLines: string[], drop: () => Promise<void>) {
    this.server = server;
    this.clock = clock;
    this.folder = folder;
    this.logLines = logLines;
    this.#drop = drop;
  }

  get viewRoot(): string {
    return this.server.config.jobViewRoot;
  }

  /** Makes one call over a real socket. Fails if the answer does not match the OpenAPI document. */
  async call(method: string, url: string, options: CallOptions = {}): Promise<Answer> {
    const isJson = 'json' in options;
    const payload = isJson ? JSON.stringify(options.json) : options.payload;
    const headers = {
      ...credential(options.as === undefined ? 'admin' : options.as),
      ...(isJson ? { 'content-type': 'application/json' } : {}),
      ...(payload === undefined ? {} : { 'content-length': String(Buffer.byteLength(payload)) }),
      ...defined(options.headers),
    };
    const call = request({
      host: '127.0.0.1',
      port: await this.listen(),
      method,
      path: url,
      headers,
      agent: this.#agent,
    });
    for (const piece of options.pieces ?? []) call.write(piece);
    call.end(payload);
    const [answer] = (await once(call, 'response')) as [IncomingMessage];
    const bytes = Buffer.concat(await answer.toArray());
    const text = bytes.toString();
    const isDocument = (answer.headers['content-type'] ?? '').includes('json') && answer.headers.etag === undefined;
    const answered = {
      status: answer.statusCode ?? 0,
      headers: answer.headers as Record<string, string>,
      bytes,
      text,
      json: isDocument && text !== '' ? JSON.parse(text) : undefined,
    };
    const { basePath } = this.server.config;
    if (url.startsWith(basePath)) expectDescribed(method, url.slice(basePath.length), answered);
    return answered;
  }

  get(url: string, as: Caller = 'admin', headers: CallOptions['headers'] = {}): Promise<Answer> {
    return this.call('GET', url, { as, headers });
  }

  post(url: string, json: unknown = {}, as: Caller = 'admin', headers: CallOptions['headers'] = {}): Promise<Answer> {
    return this.call('POST', url, { as, json, headers });
  }

  /** Listens, if the server does not listen yet, and returns the port. */
  async listen(): Promise<number> {
    if (this.#port === undefined) {
      await this.server.app.listen({ host: this.server.config.host, port: 0 });
      this.#port = (this.server.app.server.address() as AddressInfo).port;
    }
    return this.#port;
  }

  /**
   * Returns a name that is unique on this server. Tests use it so that their workers do not claim jobs of other tests.
   */
  unique(word: string): string {
    this.#count += 1;
    return `${word}-${this.#count}`;
  }

  async worker(fields: Partial<CreateWorkerToken> = {}): Promise<TestWorker> {
    const answer = await this.post('/api/queue/workers/tokens', { workerId: this.unique('worker'), ...fields });
    if (answer.status !== 201) throw new Error(answer.text);
    return { id: answer.json.workerToken.workerId, token: answer.json.token, tokenId: answer.json.workerToken.id };
  }

  async enqueue(fields: Partial<CreateJob> = {}): Promise<Job> {
    const answer = await this.post('/api/queue/jobs', { type: 'exec', ...fields });
    if (answer.status !== 201) throw new Error(answer.text);
    return answer.json as Job;
  }

  async job(jobId: string): Promise<Job> {
    return (await this.get(`/api/queue/jobs/${jobId}`)).json as Job;
  }

  async claim(worker: TestWorker, fields: object = {}): Promise<Job | null> {
    const answer = await this.post('/api/queue/jobs/claim', fields, worker);
    if (answer.status !== 200) throw new Error(answer.text);
    return answer.json.job as Job | null;
  }

  /** Returns a running job, the worker that holds it, and its lease. The lease lasts `leaseSeconds`. */
  async running(
    fields: Partial<CreateJob> = {},
    leaseSeconds = 120,
  ): Promise<{ job: Job; worker: TestWorker; lease: string }> {
    const capability = this.unique('only');
    const worker = await this.worker({ capabilities: [capability] });
    // The job has the highest priority. Otherwise the worker could first get another job, one without required
    // capabilities.
    const made = await this.enqueue({ requiredCapabilities: [capability], priority: 1_000_000, ...fields });
    const job = await this.claim(worker, { leaseSeconds });
    if (job?.id !== made.id || job.leaseId === undefined) throw new Error('the worker got another job than its own');
    return { job, worker, lease: job.leaseId };
  }

  /** Uploads an artifact with a form. */
  upload(jobId: string, upload: Upload): Promise<Answer> {
    return this.call('POST', `/api/queue/jobs/${jobId}/artifacts/upload`, {
      as: upload.as ?? 'admin',
      payload: formBody(fieldsAndFile({ name: upload.name, ...upload.fields }, upload.file)),
      headers: { 'content-type': formType, ...upload.headers },
    });
  }

  /** Uploads an artifact with a PUT request whose body is the bytes of the file. */
  put(jobId: string, upload: Upload): Promise<Answer> {
    const path = upload.name.split('/').map(encodeURIComponent).join('/');
    return this.call('PUT', `/api/queue/jobs/${jobId}/artifacts/${path}`, {
      as: upload.as ?? 'admin',
      payload: Buffer.from(upload.file ?? 'bytes'),
      ...(upload.headers === undefined ? {} : { headers: upload.headers }),
    });
  }

  async artifacts(jobId: string): Promise<JobArtifact[]> {
    return (await this.get(`/api/queue/jobs/${jobId}/artifacts?limit=500`)).json.items as JobArtifact[];
  }

  download(artifact: { jobId: string; id: string }, headers: CallOptions['headers'] = {}, as: Caller = 'admin') {
    return this.get(`/api/queue/jobs/${artifact.jobId}/artifacts/${artifact.id}/download`, as, headers);
  }

  /** Returns the paths of all files that contain bytes of uploads: blobs, staged files, and files in the job view. */
  files(): string[] {
    return [join(this.folder, 'blobs'), this.viewRoot].flatMap((root) =>
      existsSync(root)
        ? readdirSync(root, { recursive: true, withFileTypes: true })
            .filter((entry) => !entry.isDirectory())
            .map((entry) => join(entry.parentPath, entry.name))
        : [],
    );
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    await this.server.close();
    await this.#drop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function credential(as: Caller): Record<string, string> {
  if (as === null) return {};
  const token = as === 'admin' ? adminToken : typeof as === 'string' ? as : as.token;
  return { authorization: `Bearer ${token}` };
}

function defined(headers: CallOptions['headers'] = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
