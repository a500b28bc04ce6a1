import { expect } from 'vitest';
import { v0ProblemSchema } from '@proofhouse/core';
import { boundary, formBody, formType, type FormPart } from './form.ts';
import { adminToken, type Answer, type CallOptions, type TestServer } from './test-server.ts';

export const wireAdmin = `admin:${adminToken}`;

/** A worker of an experiment and its registration token. */
export interface V0Worker {
  readonly id: string;
  readonly token: string;
  /** The credential of the worker in the format of /v0, `<id>:<token>`. */
  readonly credential: string;
}

export interface V0Deposit {
  readonly artifacts_uri: string;
  readonly size_bytes: number;
  readonly content_type: string;
}

type V0Call = Omit<CallOptions, 'as'> & { readonly as?: string | null };

/** One experiment and the calls of /v0 in it. The default caller is the admin. */
export class WireExperiment {
  readonly t: TestServer;
  readonly id: string;

  private constructor(t: TestServer, id: string) {
    this.t = t;
    this.id = id;
  }

  static async make(t: TestServer): Promise<WireExperiment> {
    const answer = await t.post('/api/experiments', {});
    if (answer.status !== 201) throw new Error(answer.text);
    return new WireExperiment(t, answer.json.experimentId as string);
  }

  path(below: string): string {
    return `/v0/experiments/${this.id}${below}`;
  }

  call(method: string, below: string, { as = wireAdmin, headers, ...options }: V0Call = {}): Promise<Answer> {
    return this.t.call(method, this.path(below), {
      ...options,
      as,
      headers: { 'x-eden-experiment-id': this.id, ...headers },
    });
  }

  get(below: string, as: string | null = wireAdmin, headers: V0Call['headers'] = {}): Promise<Answer> {
    return this.call('GET', below, { as, headers });
  }

  post(below: string, json: unknown = {}, as: string | null = wireAdmin): Promise<Answer> {
    return this.call('POST', below, { as, json });
  }

  async register(fields: { name?: string; labels?: Record<string, string> } = {}): Promise<V0Worker> {
    const { status, json, text } = await this.post('/workers', fields);
    if (status !== 200) throw new Error(text);
    const [id, token] = [json.worker_id as string, json.registration_token as string];
    return { id, token, credential: `${id}:${token}` };
  }

  async group(fields: { name?: string; members?: string[] } = {}): Promise<string> {
    const { status, json, text } = await this.post('/groups', fields);
    if (status !== 200) throw new Error(text);
    return json.group_id as string;
  }

  async join(groupId: string, memberId: string): Promise<void> {
    const { status, text } = await this.post(`/groups/${groupId}/members`, { member_id: memberId });
    if (status !== 200) throw new Error(text);
  }

  /** Deposits with a form that has the given parts. Does not check the answer. */
  send(parts: readonly FormPart[], as: string | null = wireAdmin, headers: V0Call['headers'] = {}): Promise<Answer> {
    return this.sendBody(formBody(parts), as, headers);
  }

  sendBody(payload: Buffer | string, as: string | null = wireAdmin, headers: V0Call['headers'] = {}): Promise<Answer> {
    return this.call('POST', '/artifacts', { as, payload, headers: { 'content-type': formType, ...headers } });
  }

  async deposit(
    bytes: string | Buffer = 'bytes',
    as: string = wireAdmin,
    part: Partial<FormPart> = {},
  ): Promise<V0Deposit> {
    const answer = await this.send([{ name: 'file', value: bytes, ...part }], as);
    if (answer.status !== 201) throw new Error(answer.text);
    return answer.json as V0Deposit;
  }

  fetch(uri: string, as: string | null = wireAdmin, headers: V0Call['headers'] = {}): Promise<Answer> {
    return this.get(`/artifacts?uri=${encodeURIComponent(uri)}`, as, headers);
  }

  grant(uri: string, reader: string, as: string = wireAdmin): Promise<Answer> {
    return this.post('/artifacts/grants', { uri, reader }, as);
  }

  /** Returns the artifacts of the experiment from the list of /api. */
  async records(): Promise<{ artifactId: string; uri: string; createdBy: string }[]> {
    return (await this.t.get(`/api/artifacts?experimentId=${this.id}&limit=200`)).json.artifacts;
  }
}

/** Returns a form with one part and literal headers, for forms that `formBody` cannot write. */
export function onePart(headers: string, bytes = 'bytes'): string {
  return `--${boundary}\r\n${headers}\r\n\r\n${bytes}\r\n--${boundary}--\r\n`;
}

/** Expects a problem document of /v0 with this status and type, and with exactly its five members. */
export function expectProblem(answer: Pick<Answer, 'status' | 'headers' | 'json'>, status: number, type: string): void {
  expect(answer).toMatchObject({
    status,
    headers: { 'content-type': 'application/problem+json; charset=utf-8' },
    json: { type: `eden://error/${type}`, status },
  });
  expect(Object.keys(answer.json as object).toSorted()).toEqual(['detail', 'instance', 'status', 'title', 'type']);
  expect(v0ProblemSchema.safeParse(answer.json).error).toBeUndefined();
}
