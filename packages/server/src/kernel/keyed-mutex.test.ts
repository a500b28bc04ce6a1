import { describe, expect, it } from 'vitest';
import { KeyedMutex } from './keyed-mutex.ts';

describe('a keyed mutex', () => {
  it('runs calls of one key one after another, in the order of arrival, also after one that failed', async () => {
    const mutex = new KeyedMutex();
    const log: string[] = [];
    const edit = (name: string) =>
      mutex.run('key', async () => {
        log.push(`${name} begins`);
        await Promise.resolve();
        log.push(`${name} ends`);
        if (name === 'b') throw new Error('b fails');
        return name;
      });
    const outcomes = await Promise.allSettled(['a', 'b', 'c'].map(edit));
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('runs a call of another key at once', async () => {
    const mutex = new KeyedMutex();
    let release = (): void => undefined;
    const held = mutex.run('key', () => new Promise<void>((resolve) => (release = resolve)));
    expect(await mutex.run('other', () => Promise.resolve('at once'))).toBe('at once');
    release();
    await held;
    expect(await mutex.run('key', () => Promise.resolve('again'))).toBe('again');
  });
});
