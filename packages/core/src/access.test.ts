import { describe, expect, it } from 'vitest';
import { accessTable, may, roles, type AccessRecord, type Action } from './access.ts';
import { actorOf } from './people/actor.ts';
import type { Principal } from './principal.ts';

const actions: readonly Action[] = [
  'job.create',
  'job.list',
  'job.read',
  'job.claim',
  'job.work',
  'job.decide',
  'artifact.add',
  'artifact.list',
  'artifact.read',
  'credential.manage',
];
const reads: readonly Action[] = ['job.list', 'job.read', 'artifact.list', 'artifact.read'];
const worker: Principal = { kind: 'worker', workerId: 'w1', policy: {} };
const readOnly: Principal = { kind: 'read-only', userId: 'reader' };

const job = (heldBy: string | null, createdBy = 'admin'): AccessRecord => ({ kind: 'job', heldBy, createdBy });
const artifact = (createdBy: string, dataClass: string, of?: string | null): AccessRecord => ({
  kind: 'artifact',
  createdBy,
  dataClass,
  job: of === undefined ? undefined : { kind: 'job', heldBy: of, createdBy: 'admin' },
});
const allowed = (principal: Principal): Action[] => actions.filter((action) => may(principal, action));

/**
 * The tested credentials. There is one for each role, and one for each condition of the access table about the
 * credential.
 */
const credentials = {
  admin: { kind: 'admin' },
  operator: { kind: 'operator', userId: 'o' },
  'read-only': readOnly,
  'operator through a broker': { kind: 'operator', userId: 'o', brokerId: 'b' },
  worker,
  enqueuer: { ...worker, policy: { canEnqueue: true } },
  registered: { ...worker, membership: { experimentId: 'e', groupIds: [], isAdmin: false } },
  'experiment admin': { ...worker, membership: { experimentId: 'e', groupIds: [], isAdmin: true } },
  'metrics reader': { ...worker, policy: { readMetrics: true } },
} as const satisfies Record<string, Principal>;

const classDecisions = `
                       admin operator read-only brokered worker enqueuer registered experiment-admin metrics-reader
job.create             +     +        -         +        -      +        -          -                -
job.list               +     +        +         +        +      +        +          +                -
job.read               +     +        +         +        +      +        +          +                -
job.claim              +     -        -         -        +      +        +          +                -
job.work               +     -        -         -        +      +        +          +                -
job.decide             +     +        -         +        -      -        -          -                -
job.follow             +     +        +         +        -      -        -          -                -
job.explain            +     +        +         +        -      -        -          -                -
worker.list            +     +        +         +        -      -        -          -                -
metrics.read           +     +        +         +        -      -        -          -                +
identity.read          +     +        +         +        +      +        +          +                +
artifact.add           +     +        -         +        +      +        +          +                -
artifact.create        +     +        -         +        +      +        +          +                -
artifact.update        +     +        -         +        +      +        +          +                -
artifact.list          +     +        +         +        +      +        +          +                -
artifact.read          +     +        +         +        +      +        +          +                -
artifact.deposit       +     +        -         +        -      -        +          +                -
artifact.grant         +     +        -         +        +      +        +          +                -
artifact.review        +     +        -         +        -      -        -          -                -
artifact.pin           +     +        -         +        -      -        -          -                -
experiment.create      +     +        -         +        -      -        -          -                -
experiment.list        +     +        +         +        -      -        -          -                -
experiment.administer  +     +        -         +        -      -        -          +                -
experiment.read        +     +        +         +        -      -        +          +                -
experiment.self        +     -        -         -        -      -        +          +                -
storage.read           +     +        +         +        -      -        -          -                -
storage.verify         +     +        -         +        -      -        -          -                -
storage.collect        +     -        -         -        -      -        -          -                -
credential.manage      +     -        -         -        -      -        -          -                -
user.manage            +     -        -         -        -      -        -          -                -
user.token             +     +        +         -        -      -        -          -                -
audit.read             +     +        -         +        -      -        -          -                -
session.open           +     +        +         -        -      -        -          -                -`;

describe('the access table', () => {
  it('decides by class exactly as listed', () => {
    const listed = classDecisions
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split(/\s+/));
    const decided = Object.keys(accessTable).map((action) => [
      action,
      ...Object.values(credentials).map((each) => (may(each, action as Action) ? '+' : '-')),
    ]);
    expect(decided).toEqual(listed);
  });

  it('has a cell for every role in every row', () => {
    for (const row of Object.values(accessTable)) expect(Object.keys(row)).toEqual(roles);
  });

  it('allows records by the conditions listed, and every record elsewhere', () => {
    const conditional = Object.entries(accessTable).flatMap(([action, row]) =>
      roles.flatMap((role) => (typeof row[role] === 'string' ? [] : [`${role} ${action}: ${row[role].join(' or ')}`])),
    );
    expect(conditional).toEqual([
      'worker job.create: enqueues',
      'worker job.read: holds or made',
      'worker artifact.add: holds',
      'worker artifact.update: made',
      'read-only artifact.read: not-sensitive or made',
      'worker artifact.read: made or administers or granted or holds',
      'worker artifact.deposit: registered',
      'worker artifact.grant: made or administers',
      'worker experiment.administer: experiment-admin',
      'worker experiment.read: registered',
      'worker experiment.self: registered',
      'operator user.token: self',
      'read-only user.token: self',
      'operator session.open: in-person',
      'read-only session.open: in-person',
    ]);
  });

  it('denies a worker a record of a kind that the action does not concern', () => {
    expect(may(worker, 'artifact.read', job('w2'))).toBe(false);
    expect(may(worker, 'job.read', artifact('w2', 'public'))).toBe(false);
  });
});

describe('by class', () => {
  it('the admin may everything', () => {
    expect(allowed({ kind: 'admin' })).toEqual(actions);
  });

  it('an operator may everything but manage credentials and act as a worker', () => {
    const barred: Action[] = ['credential.manage', 'job.claim', 'job.work'];
    expect(allowed({ kind: 'operator', userId: 'o' })).toEqual(actions.filter((action) => !barred.includes(action)));
  });

  it('read-only may read', () => {
    expect(allowed(readOnly)).toEqual(reads);
  });

  it('a worker may neither create nor decide nor manage', () => {
    expect(allowed(worker)).toEqual(
      actions.filter((action) => !['job.create', 'job.decide', 'credential.manage'].includes(action)),
    );
  });

  it('nobody may with a row what their class may not', () => {
    const rows = [job('w1'), artifact('w1', 'public')];
    const principals: Principal[] = [{ kind: 'operator', userId: 'o' }, readOnly, worker];
    for (const principal of principals) {
      for (const action of actions.filter((each) => !may(principal, each))) {
        for (const row of rows) expect(may(principal, action, row)).toBe(false);
      }
    }
  });
});

describe('by row', () => {
  it.each([
    ['a job it holds', 'job.read', job('w1'), true],
    ['a job it held', 'job.read', job(null), false],
    ['a job another holds', 'job.read', job('w2'), false],
    ['a queued job', 'job.read', job(null), false],
    ['adding to a job it holds', 'artifact.add', job('w1'), true],
    ['adding to a job another holds', 'artifact.add', job('w2'), false],
    ['what it made', 'artifact.read', artifact('w1', 'sensitive'), true],
    ['what others left in a job it holds', 'artifact.read', artifact('w2', 'internal', 'w1'), true],
    ['what is sensitive in a job it holds', 'artifact.read', artifact('w2', 'sensitive', 'w1'), false],
    ['what others left in a job it held', 'artifact.read', artifact('w2', 'public', null), false],
    ['what belongs to no job', 'artifact.read', artifact('w2', 'public'), false],
  ] as const)('a worker and %s', (_what, action, row, expected) => {
    expect(may(worker, action, row)).toBe(expected);
  });

  it('read-only reads everything but what is sensitive', () => {
    for (const dataClass of ['public', 'internal', 'private']) {
      expect(may(readOnly, 'artifact.read', artifact('w', dataClass))).toBe(true);
    }
    expect(may(readOnly, 'artifact.read', artifact('w', 'sensitive'))).toBe(false);
  });

  it('a sensitive artifact is read by the read-only user that made it, and by no worker with the text of its id', () => {
    const reader: Principal = { kind: 'read-only', userId: 'x' };
    const namesake: Principal = { kind: 'worker', workerId: 'x', policy: {} };
    const ofUser = artifact(actorOf(reader), 'sensitive');
    const ofWorker = artifact(actorOf(namesake), 'sensitive');
    expect([ofUser, ofWorker].map((record) => may(reader, 'artifact.read', record))).toEqual([true, false]);
    expect([ofUser, ofWorker].map((record) => may(namesake, 'artifact.read', record))).toEqual([false, true]);
  });

  it('a user manages its own tokens in person, and those of nobody else', () => {
    const own = { kind: 'user', userId: 'o' } as const;
    const mayOf = (principal: Principal): boolean[] =>
      [own, { ...own, userId: 'other' }].map((record) => may(principal, 'user.token', record));
    expect(mayOf({ kind: 'operator', userId: 'o' })).toEqual([true, false]);
    expect(mayOf({ kind: 'read-only', userId: 'o' })).toEqual([true, false]);
    expect(mayOf({ kind: 'operator', userId: 'o', brokerId: 'b' })).toEqual([false, false]);
    expect(mayOf({ kind: 'worker', workerId: 'o', policy: {} })).toEqual([false, false]);
    expect(mayOf({ kind: 'admin' })).toEqual([true, true]);
  });

  describe('that was granted', () => {
    const member: Principal = { ...worker, membership: { experimentId: 'e', groupIds: ['g', 'h'], isAdmin: false } };
    const granted = (reader: string, experimentId: string | null | undefined): AccessRecord => ({
      kind: 'artifact',
      createdBy: 'w2',
      dataClass: 'sensitive',
      job: undefined,
      experimentId,
      readers: ['x', reader],
    });

    it('is read by the worker, whatever the experiment, and by members of a group of the same experiment alone', () => {
      for (const experimentId of ['e', 'f', null, undefined]) {
        expect(may(member, 'artifact.read', granted('w1', experimentId))).toBe(true);
        expect(may(worker, 'artifact.read', granted('w1', experimentId))).toBe(true);
        expect(may(member, 'artifact.read', granted('h', experimentId))).toBe(experimentId === 'e');
        expect(may(worker, 'artifact.read', granted('h', experimentId))).toBe(false);
        expect(may(member, 'artifact.read', granted('another', experimentId))).toBe(false);
        expect(may(member, 'artifact.grant', granted('h', experimentId))).toBe(false);
      }
    });
  });
});
