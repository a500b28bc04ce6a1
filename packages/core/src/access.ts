import { actorOf } from './people/actor.ts';
import type { Principal } from './principal.ts';

/** Columns of the access table. `metrics-reader` is the role of a worker whose credential has `readMetrics`. */
export const roles = ['admin', 'operator', 'read-only', 'worker', 'metrics-reader'] as const;
export type Role = (typeof roles)[number];

/**
 * A cell of the access table: `yes`, `no`, or a list of conditions of which at least one must hold.
 *
 * Conditions on the credential (`enqueues`, `registered`, `experiment-admin`, `in-person`) are checked in every call of
 * `may`. Conditions on the record (`made`, `holds`, `granted`, `administers`, `not-sensitive`) are checked only if the
 * call has a record. `self` is a condition on both.
 */
type Cell = 'yes' | 'no' | readonly Condition[];
type Condition = keyof typeof conditions;

const cells = (
  admin: Cell,
  operator: Cell,
  readOnly: Cell,
  worker: Cell,
  metricsReader: Cell,
): Readonly<Record<Role, Cell>> => ({
  admin,
  operator,
  'read-only': readOnly,
  worker,
  'metrics-reader': metricsReader,
});

/**
 * The access table, with one row for each action and one cell for each role. `Action` is derived from the rows. So an
 * operation whose action has no row does not compile. A row without a cell for each role does not compile either.
 */
// prettier-ignore
export const accessTable = {
  //                             admin  operator         read-only                  worker                                      metrics-reader
  'job.create':            cells('yes', 'yes',           'no',                      ['enqueues'],                               'no'),
  'job.list':              cells('yes', 'yes',           'yes',                     'yes',                                      'no'),
  'job.read':              cells('yes', 'yes',           'yes',                     ['holds', 'made'],                          'no'),
  'job.claim':             cells('yes', 'no',            'no',                      'yes',                                      'no'),
  'job.work':              cells('yes', 'no',            'no',                      'yes',                                      'no'),
  'job.decide':            cells('yes', 'yes',           'no',                      'no',                                       'no'),
  'job.follow':            cells('yes', 'yes',           'yes',                     'no',                                       'no'),
  'job.explain':           cells('yes', 'yes',           'yes',                     'no',                                       'no'),
  'worker.list':           cells('yes', 'yes',           'yes',                     'no',                                       'no'),
  'metrics.read':          cells('yes', 'yes',           'yes',                     'no',                                       'yes'),
  'identity.read':         cells('yes', 'yes',           'yes',                     'yes',                                      'yes'),
  'artifact.add':          cells('yes', 'yes',           'no',                      ['holds'],                                  'no'),
  'artifact.create':       cells('yes', 'yes',           'no',                      'yes',                                      'no'),
  'artifact.update':       cells('yes', 'yes',           'no',                      ['made'],                                   'no'),
  'artifact.list':         cells('yes', 'yes',           'yes',                     'yes',                                      'no'),
  'artifact.read':         cells('yes', 'yes',           ['not-sensitive', 'made'], ['made', 'administers', 'granted', 'holds'], 'no'),
  'artifact.deposit':      cells('yes', 'yes',           'no',                      ['registered'],                             'no'),
  'artifact.grant':        cells('yes', 'yes',           'no',                      ['made', 'administers'],                    'no'),
  'artifact.review':       cells('yes', 'yes',           'no',                      'no',                                       'no'),
  'artifact.pin':          cells('yes', 'yes',           'no',                      'no',                                       'no'),
  'experiment.create':     cells('yes', 'yes',           'no',                      'no',                                       'no'),
  'experiment.list':       cells('yes', 'yes',           'yes',                     'no',                                       'no'),
  'experiment.administer': cells('yes', 'yes',           'no',                      ['experiment-admin'],                       'no'),
  'experiment.read':       cells('yes', 'yes',           'yes',                     ['registered'],                             'no'),
  'experiment.self':       cells('yes', 'no',            'no',                      ['registered'],                             'no'),
  'storage.read':          cells('yes', 'yes',           'yes',                     'no',                                       'no'),
  'storage.verify':        cells('yes', 'yes',           'no',                      'no',                                       'no'),
  'storage.collect':       cells('yes', 'no',            'no',                      'no',                                       'no'),
  'credential.manage':     cells('yes', 'no',            'no',                      'no',                                       'no'),
  'user.manage':           cells('yes', 'no',            'no',                      'no',                                       'no'),
  'user.token':            cells('yes', ['self'],        ['self'],                  'no',                                       'no'),
  'audit.read':            cells('yes', 'yes',           'no',                      'no',                                       'no'),
  'session.open':          cells('yes', ['in-person'],   ['in-person'],             'no',                                       'no'),
} as const satisfies Record<string, Readonly<Record<Role, Cell>>>;

/** The right that an operation needs. Its name begins with the kind of record on which the operation acts. */
export type Action = keyof typeof accessTable;

/** Fields of a job that decide access to it. */
export interface JobAccess {
  readonly kind: 'job';
  /** Id of the worker that holds the lease of the job. Null if no worker holds it. */
  readonly heldBy: string | null;
  /** The actor (`actorOf`) that created the job. */
  readonly createdBy: string;
}

/** Fields of an artifact that decide access to it. */
export interface ArtifactAccess {
  readonly kind: 'artifact';
  /** The actor (`actorOf`) that created the artifact. */
  readonly createdBy: string;
  readonly dataClass: string;
  /** The job of the artifact; undefined for a deposit without a job. */
  readonly job: JobAccess | undefined;
  /** Id of the experiment in which the artifact was deposited. Null or undefined for other artifacts. */
  readonly experimentId?: string | null | undefined;
  /** Ids of workers and groups with a read grant. A group counts only for workers of the experiment `experimentId`. */
  readonly readers?: readonly string[] | undefined;
}

/** Fields of a user that decide access to its tokens. */
export interface UserAccess {
  readonly kind: 'user';
  readonly userId: string;
}

export type AccessRecord = JobAccess | ArtifactAccess | UserAccess;

/**
 * Returns true if the principal may do the action. The HTTP API, /v0 and MCP all use this function.
 *
 * A call without a record is a first check, before any record is read. The result false means that the action is denied
 * for all records. The result true means that it may be allowed for some records. The result of a call with a record is
 * final for that record.
 */
export function may(principal: Principal, action: Action, record?: AccessRecord): boolean {
  const cell = accessTable[action][roleOf(principal)];
  if (cell === 'yes' || cell === 'no') return cell === 'yes';
  return cell.some((condition) => conditions[condition](principal, record));
}

function roleOf(principal: Principal): Role {
  if (principal.kind !== 'worker') return principal.kind;
  return principal.policy.readMetrics === true ? 'metrics-reader' : 'worker';
}

/**
 * The conditions of the access table. If no record is given, a condition on the record returns true. A condition on
 * workers or users returns false for other principals.
 */
const conditions = {
  /** The credential has `canEnqueue`. */
  enqueues: (principal: Principal) => principal.kind === 'worker' && principal.policy.canEnqueue === true,
  /** The credential is a registration token of an experiment. */
  registered: (principal: Principal) => membershipOf(principal) !== undefined,
  /** The worker is in the group `admins` of its experiment. */
  'experiment-admin': (principal: Principal) => membershipOf(principal)?.isAdmin === true,
  /** The caller created the record. */
  made: (principal: Principal, record?: AccessRecord) =>
    record === undefined || (record.kind !== 'user' && record.createdBy === actorOf(principal)),
  /**
   * The worker holds the lease of the job, or of the job of the artifact. A lease gives no access to artifacts of the
   * data class `sensitive`.
   */
  holds: (principal: Principal, record?: AccessRecord) => {
    if (record === undefined) return true;
    if (record.kind === 'artifact' && isSensitive(record)) return false;
    const job = record.kind === 'artifact' ? record.job : record;
    return principal.kind === 'worker' && job?.kind === 'job' && job.heldBy === principal.workerId;
  },
  /** The worker has a read grant for the artifact, or is in a group that has one. */
  granted: (principal: Principal, record?: AccessRecord) => {
    if (record === undefined) return true;
    if (principal.kind !== 'worker' || record.kind !== 'artifact') return false;
    const ids = [principal.workerId, ...groupIdsIn(principal, record)];
    return record.readers?.some((reader) => ids.includes(reader)) === true;
  },
  /** The worker is in the group `admins` of the experiment in which the artifact was deposited. */
  administers: (principal: Principal, record?: AccessRecord) => {
    if (record === undefined) return true;
    const membership = membershipOf(principal);
    return (
      record.kind === 'artifact' && membership?.isAdmin === true && membership.experimentId === record.experimentId
    );
  },
  /** The record is not an artifact of the data class `sensitive`. */
  'not-sensitive': (_principal: Principal, record?: AccessRecord) =>
    record?.kind !== 'artifact' || !isSensitive(record),
  /**
   * The caller is a user with its own credential, and not a broker that acts for the user. A broker has the lower role
   * of both. Otherwise it could create a credential with all rights of the user.
   */
  'in-person': (principal: Principal) => personOf(principal) !== undefined,
  /** The record belongs to the calling user, and no broker makes the call. */
  self: (principal: Principal, record?: AccessRecord) => {
    const userId = personOf(principal);
    return userId !== undefined && (record === undefined || (record.kind === 'user' && record.userId === userId));
  },
} as const;

/** Returns the id of the calling user. Returns undefined if the caller is no user, or is a broker. */
function personOf(principal: Principal): string | undefined {
  return principal.kind === 'worker' || principal.brokerId !== undefined ? undefined : principal.userId;
}

function membershipOf(principal: Principal) {
  return principal.kind === 'worker' ? principal.membership : undefined;
}

/** Returns the ids of the groups that contain the worker, in the experiment of the artifact. */
function groupIdsIn(principal: Principal, { experimentId }: ArtifactAccess): readonly string[] {
  const membership = membershipOf(principal);
  return membership?.experimentId === experimentId ? (membership?.groupIds ?? []) : [];
}

function isSensitive({ dataClass }: ArtifactAccess): boolean {
  return dataClass === 'sensitive';
}
