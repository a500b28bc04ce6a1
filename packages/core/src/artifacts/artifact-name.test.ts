import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAppError } from '../app-error.ts';
import { baseName, foldersOf, maxNameLength, maxNameParts, normalizeArtifactName } from './artifact-name.ts';

/** Texts that combine parts which make an artifact name invalid or dangerous, such as `..` and slashes. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom('/', '\\', '.', '..', '%2e', '%2F', '\0', '\n', ' ', 'C:', '~', '-', '\ud800', 'é', '日'),
      fc.string({ maxLength: 4, unit: 'binary' }),
    ),
    { maxLength: 40 },
  )
  .map((pieces) => pieces.join(''));

function normalized(raw: string): string | undefined {
  try {
    return normalizeArtifactName(raw);
  } catch (error) {
    if (isAppError(error, 'invalid_artifact_name')) return undefined;
    throw error;
  }
}

describe('a name that is accepted', () => {
  it('is a relative path below its root, made of plain parts, whatever was written', () => {
    fc.assert(
      fc.property(hostile, (raw) => {
        const name = normalized(raw);
        if (name === undefined) return;
        const parts = name.split('/');
        expect(parts.every((part) => part !== '' && part !== '.' && part !== '..')).toBe(true);
        expect(parts.length).toBeLessThanOrEqual(maxNameParts);
        expect(name.length).toBeLessThanOrEqual(maxNameLength);
        expect(name).not.toMatch(/\\|\p{Cc}|\p{Cs}/u);
        expect(new URL(parts.map(encodeURIComponent).join('/'), 'file:///root/').pathname).toMatch(/^\/root\/./);
      }),
      { numRuns: 5000 },
    );
  });

  it('stays as it is when it is normalised again', () => {
    fc.assert(
      fc.property(hostile, (raw) => {
        const name = normalized(raw);
        if (name !== undefined) expect(normalized(name)).toBe(name);
      }),
      { numRuns: 5000 },
    );
  });

  it('tells its folders and its last part', () => {
    expect(foldersOf('a/b/c')).toEqual(['a', 'a/b']);
    expect(foldersOf('a')).toEqual([]);
    expect([baseName('a/b/c'), baseName('c')]).toEqual(['c', 'c']);
  });
});

it('a name that is refused says why and shows no more than its beginning', () => {
  try {
    normalizeArtifactName(`../${'x'.repeat(5000)}`);
    expect.unreachable();
  } catch (error) {
    expect((error as Error).message.length).toBeLessThan(300);
    expect((error as Error).message).toMatch(/".." part/);
  }
});
