import { AppError } from '@proofhouse/core';
import { describe, expect, it } from 'vitest';
import { CallBatcher } from './call-batcher.ts';

/**
 * Returns a batcher that answers each call with the text of the call in upper case. Also returns the batches that have
 * run.
 */
function gathered(
  limits = { calls: 3, verbs: 1 },
  fail: (calls: readonly string[]) => AppError | undefined = () => undefined,
) {
  const ran: string[] = [];
  const batcher = new CallBatcher<string, string>(
    limits,
    async (calls) => {
      ran.push(calls.join());
      await Promise.resolve();
      const failure = fail(calls);
      if (failure !== undefined) throw failure;
      return calls.map((call) => call.toUpperCase());
    },
    (call) => call.split('=')[1],
  );
  const addAll = (calls: string) => Promise.allSettled(calls.split(' ').map((call) => batcher.add(call)));
  const valuesOf = async (calls: string) =>
    (await addAll(calls)).map((answer) =>
      answer.status === 'fulfilled' ? answer.value : (answer.reason as AppError).code,
    );
  return { ran, valuesOf };
}

describe('calls of one moment', () => {
  it('become one verb each time, in their order and each with its own answer', async () => {
    const { ran, valuesOf } = gathered();
    expect(await valuesOf('a b c d e')).toEqual(['A', 'B', 'C', 'D', 'E']);
    expect(await valuesOf('f')).toEqual(['F']);
    expect(ran).toEqual(['a,b,c', 'd,e', 'f']);
  });

  it('wait for one another when they have one name', async () => {
    const { ran, valuesOf } = gathered();
    expect(await valuesOf('a=1 b=1 c=2 d=1')).toEqual(['A=1', 'B=1', 'C=2', 'D=1']);
    expect(ran).toEqual(['a=1,c=2', 'b=1', 'd=1']);
  });

  it('run again one by one when they fail together, so that only the wrong one fails', async () => {
    const { ran, valuesOf } = gathered(undefined, (calls) =>
      calls.includes('bad') ? new AppError('internal', 'It is bad.') : undefined,
    );
    expect(await valuesOf('a bad c')).toEqual(['A', 'internal', 'C']);
    expect(ran).toEqual(['a,bad,c', 'a', 'bad', 'c']);
  });

  it('all fail when the database was lost, since some may have been written', async () => {
    const { ran, valuesOf } = gathered(undefined, () => new AppError('unavailable', 'It is gone.'));
    expect(await valuesOf('a b')).toEqual(['unavailable', 'unavailable']);
    expect(ran).toEqual(['a,b']);
  });
});
