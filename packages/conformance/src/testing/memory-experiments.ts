import { randomBytes } from 'node:crypto';

export interface WorkerEntry {
  readonly worker_id: string;
  readonly experiment_id: string;
  readonly name?: string;
  readonly labels?: object;
  readonly registered_at: string;
  readonly registered_by: string;
  token: string;
}

export interface GroupEntry {
  readonly group_id: string;
  readonly experiment_id: string;
  readonly name?: string;
  members: string[];
  readonly created_at: string;
  readonly created_by: string;
}

export interface ArtifactEntry {
  readonly uri: string;
  readonly bytes: Buffer;
  readonly contentType: string;
  readonly createdBy: string;
  readonly readers: Set<string>;
}

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

function mintId(prefix: 'exp' | 'wkr' | 'grp'): string {
  return `${prefix}_0${[...randomBytes(25)].map((byte) => alphabet[byte % 32]).join('')}`;
}

/** The data of one experiment in the reference server. */
export class MemoryExperiment {
  readonly id = mintId('exp');
  readonly workers = new Map<string, WorkerEntry>();
  readonly groups = new Map<string, GroupEntry>();
  readonly artifacts = new Map<string, ArtifactEntry>();
  /**
   * The artifact URI of each deposit with an idempotency key. The map key consists of the principal and the idempotency
   * key.
   */
  readonly keys = new Map<string, string>();

  constructor() {
    for (const name of ['admins', 'orchestrators']) this.addGroup('admin', { name });
  }

  addWorker(fields: object): WorkerEntry {
    const worker: WorkerEntry = {
      worker_id: mintId('wkr'),
      experiment_id: this.id,
      ...fields,
      registered_at: new Date().toISOString(),
      registered_by: 'admin',
      token: mintToken(),
    };
    this.workers.set(worker.worker_id, worker);
    return worker;
  }

  addGroup(
    createdBy: string,
    { members = [], ...fields }: { readonly name?: string; readonly members?: string[] },
  ): GroupEntry {
    const group: GroupEntry = {
      group_id: mintId('grp'),
      experiment_id: this.id,
      ...fields,
      members: [...members],
      created_at: new Date().toISOString(),
      created_by: createdBy,
    };
    this.groups.set(group.group_id, group);
    return group;
  }

  /**
   * Returns true if the worker or group `memberId` is a member of the group. If `deep` is true, also returns true for
   * members of nested groups, at any depth.
   */
  holds(groupId: string, memberId: string, deep = true): boolean {
    const members = this.groups.get(groupId)?.members ?? [];
    return members.includes(memberId) || (deep && members.some((each) => this.holds(each, memberId)));
  }

  isAdmin(workerId: string, deep = true): boolean {
    const admins = [...this.groups.values()].find((group) => group.name === 'admins' && group.created_by === 'admin');
    return admins !== undefined && this.holds(admins.group_id, workerId, deep);
  }
}

export function mintToken(): string {
  return randomBytes(32).toString('base64url');
}
