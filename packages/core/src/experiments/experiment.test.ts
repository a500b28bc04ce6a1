import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAppError } from '../app-error.ts';
import { cycleClosedBy, normalizeName, type GroupEdge } from './experiment.ts';

/** Texts with characters that names must not contain or that are easily confused. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(' ', '\u00a0', '\u3000', '\ufeff', '\0', '\n', '\u007f', '\u0085', '\u2028', '\ud800', '\udc00'),
      fc.constantFrom('e\u0301', '\u212b', '\u0301', '😀', 'admin', 'ADMINS', '日', '\u200d', '\u202e', '\u2067'),
      fc.string({ maxLength: 40, unit: 'binary' }),
    ),
    { maxLength: 8 },
  )
  .map((pieces) => pieces.join(''));

const kinds = ['worker', 'group', 'experiment'] as const;

function outcomeOf(name: string, of: (typeof kinds)[number]): { name: string } | { code: string } {
  try {
    return { name: normalizeName(name, of) };
  } catch (error) {
    if (isAppError(error)) return { code: error.code };
    throw error;
  }
}

describe('a name that is accepted', () => {
  it('is NFC, 1 to 128 characters, without white space at its ends or characters nobody can see, and stays as it is', () => {
    fc.assert(
      fc.property(hostile, fc.constantFrom(...kinds), (raw, of) => {
        const outcome = outcomeOf(raw, of);
        if (!('name' in outcome)) {
          expect(['invalid_name', 'reserved_identifier']).toContain(outcome.code);
          return;
        }
        const { name } = outcome;
        expect(name).toBe(raw.normalize('NFC'));
        expect(name.isWellFormed()).toBe(true);
        expect(name).not.toMatch(
          /^\p{White_Space}|\p{White_Space}$|[\p{Cc}\p{Cs}\p{Cn}\p{Co}\u2028-\u202e\u2066-\u2069]/u,
        );
        expect(Array.from(name).length).toSatisfy((length: number) => length >= 1 && length <= 128);
        expect(outcomeOf(name, of)).toEqual({ name });
        expect(outcomeOf(raw.normalize('NFD'), of)).toEqual({ name });
        for (const spaced of [` ${name}`, `${name}\u3000`]) {
          expect(outcomeOf(spaced, of)).toEqual({ code: 'invalid_name' });
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('is refused in words that say which code point is meant, and of what class', () => {
    const messages: readonly (readonly [string, string])[] = [
      ['a\u0007b', 'U+0007, a control character'],
      ['a\u202eb', 'U+202E, a character that changes the direction of text'],
      ['a\u2066b', 'U+2066, a character that changes the direction of text'],
      ['a\u2029b', 'U+2029, a line or paragraph separator'],
      ['a\ud800b', 'U+D800, a lone surrogate'],
      ['a\ufdd0b', 'U+FDD0, a noncharacter'],
      ['a\u{1ffff}b', 'U+1FFFF, a noncharacter'],
      ['a\u0378b', 'U+0378, an unassigned code point'],
      ['a\u{e0080}b', 'U+E0080, an unassigned code point'],
      ['a\ue000b', 'U+E000, a private-use character'],
      ['a\u{10fffd}b', 'U+10FFFD, a private-use character'],
      [' a', 'begin or end with white space (U+0020)'],
      ['a\u00a0', 'begin or end with white space (U+00A0)'],
      ['\u200b\u3164', 'contain a visible character'],
    ];
    for (const [name, words] of messages) expect(() => normalizeName(name, 'worker')).toThrow(words);
    for (const name of ['a b', 'क्\u200dष', '👩\u200d💻', 'é\u0301'])
      expect(normalizeName(name, 'worker')).toBe(name.normalize('NFC'));
  });

  it('may be as long as 128 characters however many bytes they take, and no longer', () => {
    for (const of of kinds) {
      for (const character of ['x', 'é', '😀', 'e\u0301']) {
        expect(outcomeOf(character.repeat(128), of)).toEqual({ name: character.repeat(128).normalize('NFC') });
        expect(outcomeOf(character.repeat(129), of)).toEqual({ code: 'invalid_name' });
      }
      for (const name of ['', ' ', '\n', '\u3000', 'a\0b', 'a\nb', 'a\u0085b', 'a\u2028b', '\ud800', 'x'.repeat(1e6)]) {
        expect(outcomeOf(name, of), JSON.stringify(name.slice(0, 20))).toEqual({ code: 'invalid_name' });
      }
    }
  });
});

describe('a name with invisible characters', () => {
  it('may join and mark, but not turn the direction of what stands around it', () => {
    for (const of of kinds) {
      for (const name of ['👩\u200d💻', 'ن\u200cم', 'a\u200fb']) expect(outcomeOf(name, of)).toEqual({ name });
      for (const turn of ['\u202a', '\u202b', '\u202c', '\u202d', '\u202e', '\u2066', '\u2067', '\u2068', '\u2069']) {
        expect(outcomeOf(`a${turn}b`, of), JSON.stringify(turn)).toEqual({ code: 'invalid_name' });
      }
    }
  });
});

describe('a name that stands for something', () => {
  const reserved = { worker: ['admin', 'system', 'internal'], group: ['admins', 'orchestrators'], experiment: [] };

  it('is reserved in any case of letters, for its own kind alone; with white space around it it is no name', () => {
    const anyCase = (word: string) =>
      fc
        .array(fc.boolean(), { minLength: word.length, maxLength: word.length })
        .map((upper) => Array.from(word, (letter, i) => (upper[i] === true ? letter.toUpperCase() : letter)).join(''));
    const words = Object.values(reserved).flat();
    const written = fc.constantFrom(...words).chain((word) => anyCase(word));
    fc.assert(
      fc.property(written, fc.constantFrom('', ' ', '\t', '\u00a0'), (word, space) => {
        for (const of of kinds) {
          const expected = (reserved[of] as string[]).includes(word.toLowerCase())
            ? { code: 'reserved_identifier' }
            : { name: word };
          expect(outcomeOf(word, of)).toEqual(expected);
          if (space !== '') expect(outcomeOf(`${space}${word}${space}`, of)).toEqual({ code: 'invalid_name' });
        }
      }),
    );
  });

  it('is reserved also when it only looks like it: other widths, other forms, with what nobody sees in it', () => {
    const unseen = [
      '\u200b',
      '\u200c',
      '\u200d',
      '\u2060',
      '\ufeff',
      '\u00ad',
      '\u034f',
      '\ufe0f',
      '\u{e0041}',
      '\u3164',
    ];
    const wide = (word: string) =>
      word.replace(/[a-z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 0xfee0));
    for (const [of, words] of Object.entries(reserved) as [keyof typeof reserved, string[]][]) {
      for (const word of words) {
        const likenesses = [
          wide(word),
          wide(word).toUpperCase(),
          ...unseen.flatMap((character) => [
            `${word.slice(0, 2)}${character}${word.slice(2)}`,
            `${character}${word}${character}`,
            `${word} ${character}`,
            `${character} ${word}`,
          ]),
        ];
        for (const name of likenesses) {
          expect(outcomeOf(name, of), JSON.stringify(name)).toEqual({ code: 'reserved_identifier' });
        }
      }
    }
    expect(outcomeOf('𝐚𝐝𝐦𝐢𝐧', 'worker')).toEqual({ code: 'reserved_identifier' });
    expect(outcomeOf('ﾡadmin-2', 'worker')).toEqual({ name: 'ﾡadmin-2' });
  });

  it('is not reserved as a part of another', () => {
    for (const name of ['admin2', 'the system', 'admins-of-x', 'orchestrator']) {
      for (const of of kinds) expect(outcomeOf(name, of)).toEqual({ name });
    }
  });
});

describe('nesting', () => {
  const node = fc.integer({ min: 0, max: 6 }).map(String);
  const edge = fc.record({ groupId: node, memberGroupId: node });
  /**
   * Returns true if the groups have a cycle after the edge `added` is added to `edges`. The algorithm is simple, and
   * differs from the tested one.
   */
  const closes = (edges: readonly GroupEdge[], added: GroupEdge): boolean => {
    const reached = new Set([added.memberGroupId]);
    for (let step = 0; step < 7; step++) {
      for (const { groupId, memberGroupId } of edges) if (reached.has(groupId)) reached.add(memberGroupId);
    }
    return reached.has(added.groupId);
  };

  it('makes a circle exactly when the group can be reached from its new member', () => {
    fc.assert(
      fc.property(fc.array(edge, { maxLength: 15 }), edge, (edges, added) => {
        expect(cycleClosedBy(edges, [added])).toEqual(closes(edges, added) ? added : undefined);
      }),
    );
  });

  it('of many at once is decided as if they came one after another', () => {
    // The creation of a group with many members adds several edges of this one group, one after another.
    const run = fc
      .record({ groupId: node, members: fc.array(node, { maxLength: 4 }) })
      .map(({ groupId, members }) => members.map((memberGroupId) => ({ groupId, memberGroupId })));
    const added = fc.array(run, { maxLength: 5 }).map((runs) => runs.flat());
    fc.assert(
      fc.property(fc.array(edge, { maxLength: 6 }), added, (edges, more) => {
        const first = more.find((each, index) => closes([...edges, ...more.slice(0, index)], each));
        expect(cycleClosedBy(edges, more)).toBe(first);
        for (const [index, each] of more.slice(0, first === undefined ? more.length : more.indexOf(first)).entries()) {
          expect(cycleClosedBy([...edges, ...more.slice(0, index)], [each])).toBeUndefined();
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('is decided for a chain of 100,000 groups, and for a group that would hold all of them', () => {
    const chain: GroupEdge[] = Array.from({ length: 100_000 }, (_, i) => ({
      groupId: String(i),
      memberGroupId: String(i + 1),
    }));
    const back = { groupId: '100000', memberGroupId: '0' };
    expect(cycleClosedBy(chain, [back])).toBe(back);
    const all = Array.from({ length: 100_000 }, (_, i) => ({ groupId: 'new', memberGroupId: String(i) }));
    expect(cycleClosedBy(chain, all)).toBeUndefined();
    const last = { groupId: '100000', memberGroupId: 'new' };
    expect(cycleClosedBy(chain, [...all, last])).toBe(last);
  });
});
