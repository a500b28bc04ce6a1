import { createHash, randomBytes, randomUUID } from 'node:crypto';
import {
  AppError,
  operations,
  type Deposit,
  type Experiment,
  type OperationId,
  type V0Group,
  type V0Worker,
} from '@proofhouse/core';
import { ByHand } from './by-hand.ts';

export interface FakeRequest {
  readonly operation: OperationId;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  readonly json: Record<string, unknown>;
}

export interface FakeDeposit {
  readonly answer: Deposit;
  readonly filename: string;
  readonly bytes: Buffer;
}

const at = '2026-01-01T00:00:00.000Z';
const ulid = (prefix: string) => `${prefix}_0${randomBytes(15).toString('hex').slice(0, 25)}`;

/** The /v0 part of the fake server. Every experiment exists, and every caller may do everything. */
export class FakeExperiment {
  readonly experiments: Experiment[] = [];
  readonly workers: V0Worker[] = [];
  readonly groups: V0Group[] = [];
  readonly deposits: FakeDeposit[] = [];
  /** Returns the URI of the next deposit. */
  mintUri: () => string = () => `proofhouse://artifacts/${randomUUID()}`;

  /** Returns the answer to a request, or undefined for an operation outside of /v0. */
  answer(request: FakeRequest): unknown {
    const { operation, params, query, json } = request;
    const experiment_id = params['experimentId']!;
    switch (operation) {
      case 'createExperiment':
        return this.#create(operations.createExperiment.body.parse(json));
      case 'listExperiments':
        return { items: this.experiments.toReversed(), nextCursor: null };
      case 'registerWorker':
        return this.#register({ ...operations.registerWorker.body.parse(json), experiment_id });
      case 'listRegisteredWorkers':
        return { workers: this.workers };
      case 'getRegisteredWorker':
        return found(this.workers, (worker) => worker.worker_id === params['workerId']);
      case 'reissueCredential':
        return { worker_id: params['workerId'], registration_token: `phw_${randomUUID()}` };
      case 'whoami':
        return { worker_id: principalOf(request) };
      case 'createGroup':
        return this.#group({ ...operations.createGroup.body.parse(json), experiment_id });
      case 'listGroups': {
        const from = Number(query.get('cursor') ?? 0);
        const until = from + Number(query.get('limit') ?? 1000);
        const next = until < this.groups.length ? { next_cursor: String(until) } : {};
        return { groups: this.groups.slice(from, until), ...next };
      }
      case 'getGroup':
        return this.#groupOf(request);
      case 'addGroupMember':
        return this.#edit(request, (members) => [...members, json['member_id'] as string]);
      case 'removeGroupMember':
        return this.#edit(request, (members) => members.filter((one) => one !== params['memberId']));
      case 'deleteGroup':
        this.groups.splice(this.groups.indexOf(this.#groupOf(request)), 1);
        return new ByHand((response) => response.writeHead(204).end());
      case 'depositArtifact':
        return this.#deposit(request);
      case 'fetchArtifact':
        return this.#fetch(query.get('uri'));
      case 'grantRead':
        return { ...json, granted_by: principalOf(request), granted_at: at };
      default:
        return undefined;
    }
  }

  #create({ experimentId, name }: { experimentId?: string | null | undefined; name?: string | null | undefined }) {
    const made = { experimentId: experimentId ?? ulid('exp'), name: name ?? null, createdBy: 'admin', createdAt: at };
    this.experiments.push(made);
    return made;
  }

  #register(fields: { experiment_id: string; name?: string | undefined }) {
    const worker = { worker_id: ulid('wkr'), registered_at: at, registered_by: 'admin', ...fields };
    this.workers.push(worker);
    return { ...worker, registration_token: `phw_${randomUUID()}` };
  }

  #group({ members = [], ...fields }: { experiment_id: string; members?: string[] | undefined }) {
    const group = { group_id: ulid('grp'), members, created_at: at, created_by: 'admin', ...fields };
    this.groups.push(group);
    return group;
  }

  #groupOf({ params }: FakeRequest): V0Group {
    return found(this.groups, (group) => group.group_id === params['groupId']);
  }

  #edit(request: FakeRequest, change: (members: readonly string[]) => string[]): V0Group {
    const group = this.#groupOf(request);
    const edited = { ...group, members: change(group.members) };
    this.groups.splice(this.groups.indexOf(group), 1, edited);
    return edited;
  }

  /** Parses the form with Node's own parser, so that the encoder of the client is checked by independent code. */
  async #deposit({ headers, body }: FakeRequest): Promise<Deposit> {
    const type = String(headers['content-type']);
    const form = await new Response(body as BodyInit, { headers: { 'content-type': type } }).formData().catch(() => {
      throw new AppError('bad_request', `A form of the type ${type} cannot be read.`);
    });
    const [[name, file] = []] = [...form.entries()];
    if (name !== 'file' || !(file instanceof File)) throw new AppError('bad_request', 'There is no upload "file".');
    const bytes = Buffer.from(await file.arrayBuffer());
    const answer = { artifacts_uri: this.mintUri(), size_bytes: bytes.length, content_type: file.type };
    this.deposits.push({ answer, filename: file.name, bytes });
    return answer;
  }

  #fetch(uri: string | null): ByHand {
    const deposit = this.deposits.find(({ answer }) => answer.artifacts_uri === uri);
    if (deposit === undefined) throw new AppError('artifact_not_found', 'No artifact of this experiment has this URI.');
    const { answer, filename, bytes } = deposit;
    return new ByHand((response) => {
      response.writeHead(200, {
        'content-type': answer.content_type,
        'content-length': bytes.length,
        'content-disposition': `attachment; filename="x"; filename*=UTF-8''${encodeURIComponent(filename)}`,
        'repr-digest': `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`,
      });
      response.end(bytes);
    });
  }
}

function found<Item>(items: readonly Item[], matches: (item: Item) => boolean): Item {
  const item = items.find(matches);
  if (item === undefined) throw new AppError('not_found', 'There is nothing there.');
  return item;
}

function principalOf({ headers }: FakeRequest): string {
  return /^Bearer ([^:]+):/.exec(String(headers['authorization']))?.[1] ?? 'admin';
}
