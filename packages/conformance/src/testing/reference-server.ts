import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { problemTypes, type ProblemType } from '../expectations/problem-expectations.ts';
import { formParts } from './form-parts.ts';
import { MemoryExperiment, mintToken, type ArtifactEntry, type GroupEntry } from './memory-experiments.ts';

/** Faults that the reference server can have. A test checks that the conformance kit detects each of them. */
export type Flaw =
  | 'admits-direct-members-only'
  | 'cuts-lists'
  | 'answers-errors-as-text'
  | 'appends-charset'
  | 'cuts-credential-at-last-colon'
  | 'forgets-cycles'
  | 'forgets-nosniff'
  | 'ignores-row-access'
  | 'keeps-old-tokens'
  | 'lets-admins-register'
  | 'lets-anybody-grant'
  | 'looks-up-before-class'
  | 'looks-for-cycles-too-early'
  | 'mints-uris-from-content'
  | 'names-relative-instances'
  | 'offers-nothing-optional'
  | 'opens-in-the-browser'
  | 'reads-header-before-credential'
  | 'replaces-by-key'
  | 'routes-before-credential'
  | 'routes-before-header'
  | 'shows-tokens'
  | 'sniffs'
  | 'takes-any-member'
  | 'takes-stray-fields'
  | 'trims-names'
  | 'wants-bearer-in-capitals';

class Refusal extends Error {
  readonly type: ProblemType;

  constructor(type: ProblemType) {
    super(type);
    this.type = type;
  }
}

interface Call {
  readonly method: string;
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly experiment: MemoryExperiment;
  /** The caller: `admin` or the id of a worker. */
  readonly principal: string;
}

type Json = Record<string, unknown>;

/**
 * A minimal server of the /v0 protocol, in memory. With it, tests show that the conformance kit accepts a correct
 * server and detects each fault in `Flaw`.
 */
export class ReferenceServer {
  readonly adminToken = 'admin-token-of-the-reference-server';
  readonly experiment = new MemoryExperiment();
  readonly other = new MemoryExperiment();
  readonly #flaws: ReadonlySet<Flaw>;
  readonly #server: Server;

  constructor(flaws: readonly Flaw[] = []) {
    this.#flaws = new Set(flaws);
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => this.#refuse(error, request, response));
    });
  }

  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://reference');
    if (!url.pathname.startsWith('/v0')) return void response.writeHead(404).end();
    const [, , word, id = '', ...parts] = url.pathname.split('/');
    const known = ['workers', 'groups', 'artifacts', 'whoami'].includes(parts[0] ?? '');
    if (this.#flaws.has('routes-before-credential') && !known) throw new Refusal('not-found');
    if (this.#flaws.has('reads-header-before-credential')) this.#requireHeader(request, id);
    const experiment = [this.experiment, this.other].find((each) => each.id === id);
    const principal = this.#authenticate(request, experiment);
    if (word !== 'experiments' || id === '') throw new Refusal('not-found');
    if (this.#flaws.has('routes-before-header') && !known) throw new Refusal('not-found');
    this.#requireHeader(request, id);
    if (experiment === undefined) throw new Refusal('experiment-id-mismatch');
    const call = {
      method: request.method ?? '',
      parts,
      query: url.searchParams,
      request,
      response,
      experiment,
      principal,
    };
    const routes: Record<string, (call: Call) => Promise<void> | void> = {
      workers: (each) => this.#workers(each),
      groups: (each) => this.#groups(each),
      artifacts: (each) => this.#artifacts(each),
      whoami: (each) => this.#whoami(each),
    };
    const route = routes[parts[0] ?? ''];
    if (route === undefined) throw new Refusal('not-found');
    await route(call);
  }

  #authenticate(request: IncomingMessage, experiment: MemoryExperiment | undefined): string {
    const flags = this.#flaws.has('wants-bearer-in-capitals') ? '' : 'i';
    const text = new RegExp('^Bearer (.+)$', flags).exec(request.headers.authorization ?? '')?.[1] ?? '';
    const [id = '', ...rest] = text.split(':');
    const secret = this.#flaws.has('cuts-credential-at-last-colon') ? (rest[0] ?? '') : rest.join(':');
    if (id === 'admin' && secret === this.adminToken) return id;
    const token = experiment?.workers.get(id)?.token ?? '';
    const fits = this.#flaws.has('keeps-old-tokens') ? token.split(' ').includes(secret) : token === secret;
    if (secret === '' || !fits) throw new Refusal('unauthorized');
    return id;
  }

  #requireHeader(request: IncomingMessage, id: string): void {
    if (request.headers['x-eden-experiment-id'] !== id) throw new Refusal('experiment-id-mismatch');
  }

  #requireAdminToken(call: Call): void {
    if (this.#flaws.has('lets-admins-register')) this.#requireAdmin(call);
    else if (call.principal !== 'admin') throw new Refusal('forbidden');
  }

  #requireAdmin({ principal, experiment }: Call): void {
    if (principal !== 'admin' && !this.#isAdmin(principal, experiment)) throw new Refusal('forbidden');
  }

  #isAdmin(principal: string, experiment: MemoryExperiment): boolean {
    const deep = !this.#flaws.has('admits-direct-members-only');
    return principal === 'admin' || experiment.isAdmin(principal, deep);
  }

  async #workers(call: Call): Promise<void> {
    const { method, parts, query, experiment } = call;
    const [, id, verb, more] = parts;
    const shown = (worker: { token: string }): Json => {
      const { token, ...rest } = worker;
      return this.#flaws.has('shows-tokens') ? { ...rest, registration_token: token } : rest;
    };
    if (method === 'GET' && id === undefined) {
      sendList(call, 'workers', this.#listed([...experiment.workers.values()].map(shown)), query);
      return;
    }
    if (method === 'GET' && verb === undefined) {
      sendJson(call, 200, shown(found(experiment.workers.get(id ?? ''))));
      return;
    }
    if (method === 'POST' && id === undefined) {
      this.#requireAdminToken(call);
      const fields = this.#named(await readJson(call, { name: 'string', labels: 'object' }), [
        'admin',
        'system',
        'internal',
      ]);
      const { token, ...worker } = experiment.addWorker(fields);
      sendJson(call, 200, { ...worker, registration_token: token });
      return;
    }
    if (method !== 'POST' || verb !== 'reissue-credential' || more !== undefined) throw new Refusal('not-found');
    if (this.#flaws.has('looks-up-before-class')) found(experiment.workers.get(id ?? ''));
    this.#requireAdminToken(call);
    await readJson(call, {});
    const worker = found(experiment.workers.get(id ?? ''));
    const token = mintToken();
    worker.token = this.#flaws.has('keeps-old-tokens') ? `${worker.token} ${token}` : token;
    sendJson(call, 200, { worker_id: worker.worker_id, registration_token: token });
  }

  #whoami(call: Call): void {
    if (call.method !== 'GET' || call.parts.length > 1) throw new Refusal('not-found');
    if (call.principal === 'admin') throw new Refusal('forbidden');
    const { worker_id, name } = found(call.experiment.workers.get(call.principal));
    sendJson(call, 200, { worker_id, ...(name === undefined ? {} : { name }) });
  }

  async #groups(call: Call): Promise<void> {
    const { method, parts, query, experiment, principal } = call;
    const [, id, members, memberId, more] = parts;
    if (more !== undefined || (members !== undefined && members !== 'members')) throw new Refusal('not-found');
    if (method === 'GET' && id === undefined) {
      sendList(call, 'groups', this.#listed([...experiment.groups.values()]), query);
      return;
    }
    if (method === 'GET' && members === undefined) {
      sendJson(call, 200, found(experiment.groups.get(id ?? '')));
      return;
    }
    if (method !== 'POST' && method !== 'DELETE') throw new Refusal('not-found');
    this.#requireAdmin(call);
    if (id === undefined && method === 'POST') {
      const fields = await readJson(call, { name: 'string', members: 'array' });
      this.#requireMembers(fields['members'] ?? []);
      sendJson(call, 200, experiment.addGroup(principal, this.#named(fields, ['admins', 'orchestrators'])));
      return;
    }
    const group = found(experiment.groups.get(id ?? ''));
    if (method === 'DELETE' && members === undefined) {
      experiment.groups.delete(group.group_id);
      return void call.response.writeHead(204).end();
    }
    if (method === 'DELETE') group.members = group.members.filter((each) => each !== memberId);
    else await this.#addMember(call, group);
    sendJson(call, 200, group);
  }

  async #addMember(call: Call, group: GroupEntry): Promise<void> {
    const { member_id: member } = await readJson(call, { member_id: 'string' });
    this.#requireMembers([member]);
    if (typeof member !== 'string') throw new Refusal('bad-request');
    const closes = member === group.group_id || call.experiment.holds(member, group.group_id);
    if (closes && !this.#flaws.has('forgets-cycles')) throw new Refusal('cycle-detected');
    // Simulates a race. The server checks for a cycle, waits for its database, and then writes although the result of
    // the check is outdated.
    if (this.#flaws.has('looks-for-cycles-too-early')) await new Promise((settle) => setTimeout(settle, 20));
    if (!group.members.includes(member)) group.members.push(member);
  }

  #named(fields: Json, reserved: readonly string[]): Json {
    if (typeof fields['name'] !== 'string') return fields;
    const nfc = fields['name'].normalize('NFC');
    const name = this.#flaws.has('trims-names') ? nfc.trim() : nfc;
    const { length } = name;
    const isName = length >= 1 && length <= 128 && !/^\s|\s$|[\p{Cc}\p{Cs}\p{Cn}\p{Co}]/u.test(name);
    if (!isName) throw new Refusal('invalid-name');
    if (reserved.includes(name)) throw new Refusal('reserved-identifier');
    return { ...fields, name };
  }

  #requireMembers(members: unknown): void {
    if (this.#flaws.has('takes-any-member')) return;
    const ids = members as readonly unknown[];
    const isId = (id: unknown) => typeof id === 'string' && /^(?:wkr|grp)_[0-9a-hjkmnp-tv-z]{26}$/.test(id);
    if (!ids.every(isId) || new Set(ids).size !== ids.length) throw new Refusal('bad-request');
  }

  #listed<Item>(items: readonly Item[]): readonly Item[] {
    return this.#flaws.has('cuts-lists') ? items.slice(0, 100) : items;
  }

  async #artifacts(call: Call): Promise<void> {
    const { method, parts } = call;
    const optional = !this.#flaws.has('offers-nothing-optional');
    if (parts[1] === 'grants' && parts.length === 2 && method === 'POST' && optional) return this.#grant(call);
    if (parts.length > 1) throw new Refusal('not-found');
    if (method === 'POST') return this.#deposit(call);
    if (method === 'GET' || (method === 'HEAD' && optional)) {
      this.#fetch(call);
      return;
    }
    throw new Refusal('not-found');
  }

  async #deposit(call: Call): Promise<void> {
    const { request, principal, experiment } = call;
    const parts = formParts(request.headers['content-type'] ?? '', await readBody(request));
    const [file] = parts ?? [];
    const strays = this.#flaws.has('takes-stray-fields') ? 0 : (parts?.length ?? 0) - 1;
    if (file?.name !== 'file' || !file.isUpload || strays > 0) throw new Refusal('bad-request');
    const declared = file.contentType.replace(/[^\x20-\x7e]/g, '').trim();
    const sniffed = this.#flaws.has('sniffs') && file.bytes.includes('PNG') ? 'image/png' : 'application/octet-stream';
    const digest = createHash('sha256').update(file.bytes).digest('hex');
    const uri = `mem:${this.#flaws.has('mints-uris-from-content') ? digest : mintToken()}`;
    const artifact: ArtifactEntry = {
      uri,
      bytes: file.bytes,
      contentType: declared === '' ? sniffed : declared,
      createdBy: principal,
      readers: new Set(),
    };
    const first = this.#byKey(call, artifact);
    if (first === undefined) experiment.artifacts.set(uri, artifact);
    const { bytes, contentType } = first ?? artifact;
    sendJson(call, 201, {
      artifacts_uri: (first ?? artifact).uri,
      size_bytes: bytes.length,
      content_type: contentType,
    });
  }

  #byKey({ request, principal, experiment }: Call, artifact: ArtifactEntry): ArtifactEntry | undefined {
    const given = request.headers['idempotency-key'];
    if (given === undefined || this.#flaws.has('offers-nothing-optional')) return undefined;
    const key = `${principal} ${String(given)}`;
    const first = experiment.artifacts.get(experiment.keys.get(key) ?? '');
    if (first === undefined) experiment.keys.set(key, artifact.uri);
    else if (!first.bytes.equals(artifact.bytes) && !this.#flaws.has('replaces-by-key'))
      throw new Refusal('already-exists');
    return first;
  }

  async #grant(call: Call): Promise<void> {
    const { uri, reader } = await readJson(call, { uri: 'string', reader: 'string' });
    if (typeof uri !== 'string' || typeof reader !== 'string') throw new Refusal('bad-request');
    const artifact = found(call.experiment.artifacts.get(uri));
    const owns = artifact.createdBy === call.principal || this.#isAdmin(call.principal, call.experiment);
    if (!owns && !this.#flaws.has('lets-anybody-grant')) throw new Refusal('forbidden');
    artifact.readers.add(reader);
    sendJson(call, 200, { uri, reader });
  }

  #fetch(call: Call): void {
    const { query, experiment, principal, request, response } = call;
    const uris = query.getAll('uri');
    if (uris.length !== 1) throw new Refusal('bad-request');
    const artifact = found(experiment.artifacts.get(uris[0] ?? ''));
    const granted = [...artifact.readers].some((each) => each === principal || experiment.holds(each, principal));
    const may = granted || artifact.createdBy === principal || this.#isAdmin(principal, experiment);
    if (!may && !this.#flaws.has('ignores-row-access')) throw new Refusal('forbidden');
    const headers: Record<string, string | number> = {
      'content-type': `${artifact.contentType}${this.#flaws.has('appends-charset') ? '; charset=utf-8' : ''}`,
      'content-length': artifact.bytes.length,
      'content-disposition': this.#flaws.has('opens-in-the-browser') ? 'inline' : 'attachment; filename="artifact"',
      'cache-control': 'private',
      ...(this.#flaws.has('forgets-nosniff') ? {} : { 'x-content-type-options': 'nosniff' }),
    };
    response.writeHead(200, headers).end(request.method === 'HEAD' ? undefined : artifact.bytes);
  }

  #refuse(error: unknown, request: IncomingMessage, response: ServerResponse): void {
    const type = error instanceof Refusal ? error.type : 'bad-request';
    const instance = `http://${request.headers.host ?? ''}${request.url ?? ''}`;
    const problem = {
      type: `eden://error/${type}`,
      title: type,
      status: problemTypes[type],
      detail: `This is ${type}.`,
      instance: this.#flaws.has('names-relative-instances') ? (request.url ?? '') : instance,
    };
    const mediaType = this.#flaws.has('answers-errors-as-text') ? 'text/plain' : 'application/problem+json';
    response.writeHead(problem.status, { 'content-type': `${mediaType}; charset=utf-8` }).end(JSON.stringify(problem));
    request.resume();
  }
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new Refusal('not-found');
  return value;
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  return Buffer.concat((await request.toArray()) as Buffer[]);
}

/**
 * Reads a JSON object that may have only these members, each with the given type. An empty body is an empty object.
 * Throws a `Refusal` (`bad-request`) for any other body.
 */
async function readJson(
  { request }: Call,
  members: Readonly<Record<string, 'string' | 'object' | 'array'>>,
): Promise<Json> {
  const text = (await readBody(request)).toString();
  if (text !== '' && request.headers['content-type'] !== 'application/json') throw new Refusal('bad-request');
  const value: unknown = text === '' ? {} : JSON.parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Refusal('bad-request');
  for (const [name, member] of Object.entries(value)) {
    if (members[name] !== (Array.isArray(member) ? 'array' : typeof member)) throw new Refusal('bad-request');
  }
  return value as Json;
}

function sendJson({ response }: Call, status: number, document: object): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(document));
}

function sendList(call: Call, member: string, items: readonly object[], query: URLSearchParams): void {
  const name = query.get('name');
  const chosen = name === null ? items : items.filter((item) => (item as { name?: string }).name === name);
  sendJson(call, 200, { [member]: chosen });
}
