import { Readable } from 'node:stream';
import { Blobs, MemoryBackend } from '@proofhouse/blobs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { keySlice, prefixAfter } from './key-slice.ts';

const character = fc.constantFrom('a', 'z', '2', '7');
const key = fc.array(character, { minLength: 32, maxLength: 32 }).map((all) => all.join(''));

it('slices go through every key exactly once, whatever the keys and however few fit', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(key, { maxLength: 30 }), fc.integer({ min: 1, max: 9 }), async (keys, most) => {
      const backend = new MemoryBackend();
      await backend.open();
      const left = [...keys];
      const blobs = new Blobs({ backend, newKey: () => left.pop() ?? '' });
      for (const each of keys) await blobs.receive(Readable.from([Buffer.from(each)]));
      const seen: string[] = [];
      for (let prefix: string | undefined = ''; prefix !== undefined;) {
        const slice = await keySlice(blobs, prefix, most);
        expect(slice.blobs.length).toBeLessThanOrEqual(most);
        seen.push(...slice.blobs.map((blob) => blob.key));
        prefix = slice.next;
      }
      expect(seen.toSorted()).toEqual(keys.toSorted());
    }),
    { numRuns: 60 },
  );
});

it('after the last of a prefix comes what follows the shorter one, and after the last of all nothing', () => {
  expect(prefixAfter('a')).toBe('b');
  expect(prefixAfter('z')).toBe('2');
  expect(prefixAfter('a7')).toBe('b');
  expect(prefixAfter('777')).toBeUndefined();
  expect(prefixAfter('')).toBeUndefined();
});
