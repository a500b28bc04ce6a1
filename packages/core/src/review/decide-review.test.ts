import { describe, expect, it } from 'vitest';
import { isAppError } from '../app-error.ts';
import { artifactStatuses, type ArtifactStatus } from '../artifacts/artifact.ts';
import type { Principal } from '../principal.ts';
import { registeredArtifact } from '../testing/artifact-record.ts';
import { decideReview } from './decide-review.ts';
import { reviewLimits, reviewSchema } from './review-input.ts';

/**
 * All moves: the statuses before (rows) and after (columns, in the order of `artifactStatuses`). `-`: refused with
 * `review_conflict`. A star marks a move that stamps, and `w` one that a worker may make.
 */
const expected = `
  draft         -           submit,w    approve*   reject*   archive,w  -
  needs-review  withdraw,w  -           approve*   reject*   archive    -
  approved      -           undo        -          reject*   archive    supersede
  rejected      -           resubmit    -          -         archive    -
  archived      restore     -           -          -         -          -
  superseded    -           -           -          -         archive    -
`;
const moves = expected
  .trim()
  .split('\n')
  .flatMap((line) => {
    const [from = '', ...cells] = line.trim().split(/\s+/);
    return cells.map((cell, at) => [from as ArtifactStatus, artifactStatuses[at]!, cell] as const);
  });

const admin = { kind: 'admin' } as const;
const operator = { kind: 'operator', userId: 'u' } as const;
const reader = { kind: 'read-only', userId: 'r' } as const;
const worker = { kind: 'worker', workerId: 'w', policy: { canEnqueue: true } } as const;
const now = registeredArtifact().createdAt + 5000;
const settings = { distinctReviewer: false };
const digest = `sha256:${'ab'.repeat(32)}`;

function codeOf(work: () => unknown): string {
  try {
    work();
    return 'done';
  } catch (error) {
    if (!isAppError(error)) throw error;
    return error.code;
  }
}

describe('the table of moves', () => {
  it('has all pairs of statuses', () => {
    const pairs = moves.map(([from, to]) => `${from} ${to}`);
    expect(new Set(pairs).size).toBe(artifactStatuses.length ** 2);
    expect(moves.filter(([, , cell]) => cell !== '-')).toHaveLength(16);
  });

  it.each(moves)('%s to %s: %s', (from, to, cell) => {
    const before = registeredArtifact({ status: from, createdBy: 'w' });
    const decide = (principal: Principal) => decideReview(before, { to, note: 'n' }, principal, now, settings);
    const isAllowed = cell !== '-';
    expect(codeOf(() => decide(worker))).toBe(cell.endsWith(',w') ? 'done' : 'forbidden');
    expect(codeOf(() => decide(reader))).toBe(isAllowed ? 'forbidden' : 'review_conflict');
    for (const principal of [admin, operator]) {
      expect(codeOf(() => decide(principal))).toBe(isAllowed ? 'done' : 'review_conflict');
    }
    if (!isAllowed) return;
    const { artifact, entry } = decide(operator);
    const stamp = { reviewedBy: 'user:u', reviewedAt: now, reviewedDigest: digest, reviewNote: 'n' };
    const changed = { status: to, version: before.version + 1, updatedAt: now };
    expect(artifact).toEqual({ ...before, ...changed, ...(cell.endsWith('*') ? stamp : {}) });
    const decision = cell.replace(/\*|,w/, '');
    expect(entry).toEqual({
      ...{ artifactId: before.id, at: now, actor: 'user:u', decision, from, to, digest },
      ...{ note: 'n', comments: null },
    });
  });
});

describe('a decision', () => {
  const before = registeredArtifact({ status: 'needs-review', version: 3 });
  const code = (move: object, record = before) =>
    codeOf(() => decideReview(record, { to: 'approved', ...move }, operator, now, settings));

  it('about other bytes or another version is refused with the present record', () => {
    expect(code({ digest, expectedVersion: 3 })).toBe('done');
    expect(code({ digest: `sha256:${'cd'.repeat(32)}` })).toBe('version_conflict');
    expect(code({ digest: null })).toBe('version_conflict');
    expect(code({ expectedVersion: 2 })).toBe('version_conflict');
    expect(() => decideReview(before, { to: 'approved', expectedVersion: 2 }, operator, now, settings)).toThrow(
      expect.objectContaining({ details: { artifact: expect.objectContaining({ version: 3 }) as unknown } }),
    );
  });

  it('about a pointer without checksum is stamped without digest', () => {
    const pointer = { kind: 'pointer', uri: 'https://h.example/a', checksum: null, sizeBytes: null } as const;
    const unbound = { ...before, content: pointer };
    expect(code({ digest: null }, unbound)).toBe('done');
    expect(code({ digest }, unbound)).toBe('version_conflict');
    const { artifact } = decideReview(unbound, { to: 'approved' }, operator, now, settings);
    expect(artifact).toMatchObject({ status: 'approved', reviewedAt: now, reviewedDigest: null });
  });

  it('has a later time than the last change, even if the clock is behind', () => {
    const { artifact, entry } = decideReview(before, { to: 'approved' }, operator, 7, settings);
    expect([artifact.updatedAt, artifact.reviewedAt, entry.at]).toEqual(Array(3).fill(before.updatedAt + 1));
  });

  it('of the creator is only refused for an approval, and only with a distinct reviewer', () => {
    const own = { ...before, createdBy: 'user:u' };
    const distinct = { distinctReviewer: true };
    const decide = (to: ArtifactStatus, who: Principal, rule = distinct) =>
      codeOf(() => decideReview(own, { to }, who, now, rule));
    expect(decide('approved', operator)).toBe('forbidden');
    expect(decide('approved', { kind: 'admin', userId: 'u' })).toBe('forbidden');
    expect(decide('approved', operator, settings)).toBe('done');
    expect(decide('rejected', operator)).toBe('done');
    expect(decide('approved', admin)).toBe('done');
    expect(decide('approved', { kind: 'operator', userId: 'v', brokerId: 'u' })).toBe('done');
  });
});

describe('the body of a decision', () => {
  const accepts = (body: object): boolean => reviewSchema.safeParse(body).success;
  const text = (bytes: number): string => 'x'.repeat(bytes - '{"text":""}'.length);

  it('bounds the comments, each of them, and all of them with the note', () => {
    expect(accepts({ comments: Array(100).fill({ text: 'x' }) })).toBe(true);
    expect(accepts({ comments: Array(101).fill({ text: 'x' }) })).toBe(false);
    expect(accepts({ comments: [{ text: text(reviewLimits.commentBytes) }] })).toBe(true);
    expect(accepts({ comments: [{ text: text(reviewLimits.commentBytes + 1) }] })).toBe(false);
    expect(accepts({ note: 'ä'.repeat(32 * 1024 - 1) })).toBe(true);
    expect(accepts({ note: 'ä'.repeat(32 * 1024) })).toBe(false);
    expect(accepts({ note: 'x'.repeat(1024), comments: Array(31).fill({ text: text(2000) }) })).toBe(true);
    expect(accepts({ note: 'x'.repeat(4096), comments: Array(31).fill({ text: text(2000) }) })).toBe(false);
  });

  it('has structured comments in plain text', () => {
    const comment = { path: 'src/a.ts', line: 7, side: 'new', quote: '\tlet x;', text: 'Why?\nIt is unused.' };
    expect(reviewSchema.parse({ comments: [comment] }).comments).toEqual([comment]);
    for (const wrong of [
      {},
      { text: '' },
      { text: 'x', line: 0 },
      { text: 'x', side: 'left' },
      { text: 'x', by: 'y' },
    ]) {
      expect(accepts({ comments: [wrong] }), JSON.stringify(wrong)).toBe(false);
    }
    for (const note of ['\u0000', '\u202e', '\ud800']) expect(accepts({ note }), JSON.stringify(note)).toBe(false);
    expect(accepts({ status: 'approved' })).toBe(false);
  });
});
