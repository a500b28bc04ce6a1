import { AppError } from '@proofhouse/core';
import { describe, expect, it } from 'vitest';
import { exists, type Commit, type CommitResult, type Conflict } from './commit.ts';
import { decideAndCommit } from './decide-and-commit.ts';

const version: Conflict = { kind: 'version', record: 'artifact', id: 'a' };
const done: CommitResult = { outcome: 'done', lastSeqs: { j: 4 } };

/**
 * Returns a store whose commits return the given answers in order. Also returns the list of the commits, and the list
 * of the delays between tries.
 */
function storeOf(...answers: readonly (CommitResult | Conflict)[]) {
  const [commits, delays]: [Commit[], number[]] = [[], []];
  const parts = {
    commits: {
      commit: async (commit: Commit): Promise<CommitResult> => {
        const answer = answers[commits.push(commit) - 1] ?? version;
        return 'outcome' in answer ? answer : { outcome: 'conflict', conflict: answer };
      },
    },
    delay: async (ms: number) => void delays.push(ms),
    random: () => 0.999,
  };
  return { parts, commits, delays };
}

/** Returns a decision whose `read` counts its calls. The result of the decision is that count. */
function counting() {
  let reads = 0;
  return {
    what: 'Thing a',
    read: async () => ++reads,
    decide: (read: number) => ({ result: read, preconditions: [exists('artifact', String(read))] }),
  };
}

describe('a decision', () => {
  it('is committed once when nothing changed meanwhile, and returns what was decided and written', async () => {
    const { parts, commits, delays } = storeOf(done);
    expect(await decideAndCommit(parts, counting())).toEqual({ result: 1, done });
    expect(commits).toEqual([{ changes: [], preconditions: [exists('artifact', '1')] }]);
    expect(delays).toEqual([]);
  });

  it('is made again from a fresh read after each conflict, with growing delays', async () => {
    const { parts, commits, delays } = storeOf(version, version, version, version, done);
    expect(await decideAndCommit(parts, counting())).toMatchObject({ result: 5 });
    expect(commits.map(({ preconditions }) => preconditions)).toEqual(
      ['1', '2', '3', '4', '5'].map((id) => [exists('artifact', id)]),
    );
    expect(delays).toEqual([10, 20, 40, 80]);
  });

  it('ends with one version_conflict after five tries, or with the error that its caller names', async () => {
    const { parts, commits } = storeOf();
    const message = 'Thing a keeps changing; try again.';
    await expect(decideAndCommit(parts, counting())).rejects.toMatchObject({ code: 'version_conflict', message });
    expect(commits).toHaveLength(5);
    const busy = { ...counting(), tries: 2, exhausted: () => new AppError('too_busy', 'Busy.') };
    await expect(decideAndCommit(storeOf().parts, busy)).rejects.toMatchObject({ code: 'too_busy' });
  });

  it('ends at once at a conflict that another try cannot resolve', async () => {
    const { parts, commits } = storeOf({ kind: 'missing', record: 'artifact', id: 'a' });
    const refusal = ({ kind }: Conflict) => (kind === 'missing' ? new AppError('not_found', 'Gone.') : undefined);
    await expect(decideAndCommit(parts, { ...counting(), refusal })).rejects.toMatchObject({ code: 'not_found' });
    expect(commits).toHaveLength(1);
  });

  it('commits nothing when there is nothing to write, or when it throws', async () => {
    const { parts, commits } = storeOf();
    const unchanged = { ...counting(), decide: (read: number) => ({ result: read }) };
    expect(await decideAndCommit(parts, unchanged)).toEqual({ result: 1, done: undefined });
    const decide = () => {
      throw new AppError('forbidden', 'No.');
    };
    await expect(decideAndCommit(parts, { ...counting(), decide })).rejects.toMatchObject({ code: 'forbidden' });
    expect(commits).toEqual([]);
  });
});
