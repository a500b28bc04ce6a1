import { textMember, type Answer, type Document } from './expectations/answer.ts';
import { expectHeader, expectMembers, expectStatus } from './expectations/expectations.ts';
import { Mismatch } from './expectations/mismatch.ts';
import type { CallOptions, Credential, ServerUnderTest } from './server-under-test.ts';

/** A claimed job with its lease id. `document` is the job as the claim returned it. */
export interface HeldJob {
  readonly id: string;
  readonly lease: string;
  readonly document: Document;
}

export const unknownJob = '00000000-0000-7000-8000-000000000000';

/**
 * The jobs and workers of one scenario, isolated from all others. The jobs need a capability that no other worker has.
 * The workers may claim only jobs of one random repository.
 */
export class OwnQueue {
  readonly server: ServerUnderTest;
  readonly capability: string;
  readonly repository: string;

  constructor(server: ServerUnderTest) {
    this.server = server;
    this.capability = server.name('conformance');
    this.repository = `${server.name('conformance')}/repository`;
  }

  /** Creates a worker for the jobs of this scenario. `fields` replace fields of the request that creates its token. */
  async worker(fields: object = {}): Promise<Credential> {
    const token = {
      workerId: this.server.name('worker'),
      capabilities: [this.capability],
      allowedRepositories: [this.repository],
    };
    const answer = await this.server.queue('POST', '/workers/tokens', { json: { ...token, ...fields } });
    expectStatus(answer, 201);
    const secret = answer.member('token');
    this.server.remember(secret);
    return { id: textMember(answer.document()['workerToken'] as Document, 'workerId', answer.request), secret };
  }

  /** Returns the fields of a new job that only the workers of this scenario may claim. */
  job(
    fields: { readonly payload?: object; readonly requiredCapabilities?: readonly string[] } & Document = {},
  ): Document {
    return {
      type: 'exec',
      ...fields,
      requiredCapabilities: [this.capability, ...(fields.requiredCapabilities ?? [])],
      payload: { repository: this.repository, ...fields.payload },
    };
  }

  async enqueue(fields: Parameters<OwnQueue['job']>[0] = {}): Promise<Document> {
    const answer = await this.server.queue('POST', '/jobs', { json: this.job(fields) });
    expectStatus(answer, 201);
    return answer.document();
  }

  async enqueuedId(fields: Parameters<OwnQueue['job']>[0] = {}): Promise<string> {
    return textMember(await this.enqueue(fields), 'id');
  }

  /** Claims one job. Returns null if no job is claimable. */
  async claim(worker: Credential, json: object = {}): Promise<HeldJob | null> {
    const answer = await this.server.queue('POST', '/jobs/claim', { as: worker, json });
    expectStatus(answer, 200);
    const { job } = answer.document();
    return job === null ? null : heldJob(job as Document, answer.request);
  }

  /** Creates a job and claims it for the worker. */
  async held(worker: Credential, fields: Parameters<OwnQueue['job']>[0] = {}, leaseSeconds = 120): Promise<HeldJob> {
    const id = await this.enqueuedId(fields);
    const job = await this.claim(worker, { leaseSeconds });
    if (job?.id === id) return job;
    throw new Mismatch({
      request: 'POST /api/queue/jobs/claim',
      what: 'the claimed job',
      expected: id,
      seen: job?.id ?? 'none',
    });
  }

  /**
   * Calls the operation `verb` (such as `heartbeat`) for a job. Only the holder of the lease may call it. Without
   * `lease`, the lease header is not sent.
   */
  write(worker: Credential, jobId: string, verb: string, json: object = {}, lease?: string): Promise<Answer> {
    return this.server.queue('POST', `/jobs/${jobId}/${verb}`, {
      as: worker,
      json,
      ...(lease === undefined ? {} : { headers: { 'proofhouse-lease': lease } }),
    });
  }

  async read(jobId: string, options: CallOptions = {}): Promise<Document> {
    const answer = await this.server.queue('GET', `/jobs/${jobId}`, options);
    expectStatus(answer, 200);
    return answer.document();
  }

  /** Polls the job until it has the status, for at most `limitMs`. Returns the job as last read, with any status. */
  settled(jobId: string, status: string, limitMs = 10_000): Promise<Document> {
    return this.server.eventually(
      limitMs,
      () => this.read(jobId),
      (job) => job['status'] === status,
    );
  }

  async events(jobId: string): Promise<readonly Document[]> {
    const answer = await this.server.queue('GET', `/jobs/${jobId}/events?limit=500`);
    expectStatus(answer, 200);
    return answer.items('items');
  }
}

export function heldJob(job: Document, request: string): HeldJob {
  return { id: textMember(job, 'id', request), lease: textMember(job, 'leaseId', request), document: job };
}

/** Expects that the queue refused a call: a problem document with this status and this error code of the contract. */
export function expectCode(answer: Answer, status: number, code: string): void {
  expectStatus(answer, status);
  expectHeader(answer, 'content-type', /^application\/problem\+json/i);
  expectMembers(answer, { status, code });
}
