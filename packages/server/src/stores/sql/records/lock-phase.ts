import type { Change, Commit, CounterName, NamedKind, Precondition } from '../../../kernel/commit.ts';
import { lockJobs } from '../queue/job-apply.ts';
import type { JobRow } from '../engine/schema.ts';
import type { Verb } from '../engine/verb.ts';
import { columnOfCounter, isPermanent, lockRecords, type LockedRecord } from './record-statements.ts';

/** A record that a commit names. `lock`: the record must not change until the commit ends. `read`: it may change. */
interface Named {
  readonly kind: NamedKind;
  readonly id: string;
  readonly mode: 'lock' | 'read';
}

/** The records that a commit names, as the first step of the commit (the lock phase) read them. */
export class Locked {
  readonly #jobs: ReadonlyMap<string, JobRow>;
  readonly #records: ReadonlyMap<string, LockedRecord>;

  constructor(jobs: ReadonlyMap<string, JobRow>, records: ReadonlyMap<string, LockedRecord>) {
    this.#jobs = jobs;
    this.#records = records;
  }

  /** Returns true if the record exists and is not hidden. */
  has(kind: NamedKind, id: string): boolean {
    if (kind === 'job') return this.#jobs.has(id);
    const found = this.#records.get(nameOf(kind, id));
    return found !== undefined && (found.hidden ?? null) === null;
  }

  job(id: string): JobRow | undefined {
    return this.#jobs.get(id);
  }

  /** Returns the version of the record, even if the record is hidden. */
  versionOf(kind: NamedKind, id: string): number | undefined {
    return kind === 'job' ? this.#jobs.get(id)?.version : this.#records.get(nameOf(kind, id))?.version;
  }

  counterOf(name: CounterName): number | undefined {
    return this.#records.get(nameOf(name.record, name.id))?.[columnOfCounter(name)] as number | undefined;
  }
}

/**
 * Locks every record that the preconditions and changes of the commit name, ordered by kind and then by id. A record
 * that can never be deleted and is named only by `exists` is read without a lock.
 */
export function* lockNamed(commit: Commit): Verb<Locked> {
  const jobs = new Map<string, JobRow>();
  const records = new Map<string, LockedRecord>();
  for (const { kind, mode, ids } of inLockOrder(commit)) {
    if (kind === 'job') for (const row of yield* lockJobs(ids)) jobs.set(row.id, row);
    else for (const row of yield* lockRecords(kind, ids, mode)) records.set(nameOf(kind, row.id), row);
  }
  return new Locked(jobs, records);
}

interface LockStep {
  readonly kind: NamedKind;
  readonly mode: Named['mode'];
  /** The ids of the records, sorted, without duplicates. */
  readonly ids: readonly string[];
}

function inLockOrder({ changes, preconditions }: Commit): LockStep[] {
  const [only] = changes;
  // A commit with one change and no precondition needs no lock phase, because the statement of the change locks its
  // row. A change of members is an exception, because the row of their group must be locked first.
  const isLone = preconditions.length === 0 && changes.length === 1;
  if (isLone && only?.kind !== 'add-member' && only?.kind !== 'remove-member') return [];
  const idsOf = new Map<string, Set<string>>();
  for (const { kind, mode, id } of [...preconditions, ...changes].flatMap(namedBy)) {
    const step = `${kind}:${mode}`;
    idsOf.set(step, (idsOf.get(step) ?? new Set()).add(id));
  }
  return [...idsOf.keys()].sort().map((step) => {
    const [kind, mode] = step.split(':') as [NamedKind, Named['mode']];
    return { kind, mode, ids: [...(idsOf.get(step) ?? [])].sort() };
  });
}

function namedBy(item: Precondition | Change): Named[] {
  switch (item.kind) {
    case 'exists': {
      const isRead = item.record !== 'job' && isPermanent(item.record);
      return [{ kind: item.record, id: item.id, mode: isRead ? 'read' : 'lock' }];
    }
    case 'unchanged':
    case 'counter':
    case 'raise':
      return [{ kind: item.record, id: item.id, mode: 'lock' }];
    case 'add-member':
    case 'remove-member':
      return [{ kind: 'group', id: item.groupId, mode: 'lock' }];
    case 'update':
      return [{ kind: item.record, id: item.value.id, mode: 'lock' }];
    case 'job-over':
    case 'job-held':
    case 'newest-artifact':
    case 'append-event':
    case 'take-path':
      return [{ kind: 'job', id: item.jobId, mode: 'lock' }];
    case 'insert':
    case 'add-job':
      return [];
  }
}

function nameOf(kind: NamedKind, id: string): string {
  return `${kind} ${id}`;
}
