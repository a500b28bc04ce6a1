import { describe, expect, it } from 'vitest';
import { EditTurns } from './edit-turns.ts';

describe('turns', () => {
  it('of one key come one after another, in the order of asking, also after one that failed', async () => {
    const turns = new EditTurns();
    const log: string[] = [];
    const edit = (name: string) =>
      turns.take('key', async () => {
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

  it('of another key do not wait', async () => {
    const turns = new EditTurns();
    let release = (): void => undefined;
    const held = turns.take('key', () => new Promise<void>((resolve) => (release = resolve)));
    expect(await turns.take('other', () => Promise.resolve('at once'))).toBe('at once');
    release();
    await held;
    expect(await turns.take('key', () => Promise.resolve('again'))).toBe('again');
  });
});
