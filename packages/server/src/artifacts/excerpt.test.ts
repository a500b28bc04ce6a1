import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { excerptLimits, excerptQuerySchema, type ArtifactRecord, type Excerpt } from '@proofhouse/core';
import { TimeSlices } from '../kernel/time/time-slices.ts';
import { excerptOf } from './excerpt.ts';

const never = new AbortController().signal;

/**
 * Returns a function that reads excerpts of an artifact with the given content. The content arrives in chunks of
 * `chunkBytes`. Also returns the content as bytes, and the number of bytes that were read so far.
 */
function artifactOf(content: string | Buffer, chunkBytes = 7) {
  const bytes = Buffer.from(content);
  const artifact = {
    id: 'a',
    jobId: 'j',
    name: 'n.txt',
    contentType: 'text/plain',
    content: {
      kind: 'owned',
      blob: { key: 'k', sha256: '0'.repeat(64), sizeBytes: bytes.length, fingerprint: 'f' },
    },
  } as unknown as ArtifactRecord;
  const read = { bytes: 0 };
  const open = async (range?: { start: number; end: number }) => {
    const wanted = range === undefined ? bytes : bytes.subarray(range.start, range.end + 1);
    async function* chunks() {
      for (let at = 0; at < wanted.length; at += chunkBytes) {
        const chunk = wanted.subarray(at, at + chunkBytes);
        read.bytes += chunk.length;
        yield chunk;
      }
    }
    return { body: chunks() as never, fingerprint: 'f' };
  };
  const excerpt = (query: object = {}, signal = never): Promise<Excerpt> =>
    excerptOf(artifact, excerptQuerySchema.parse(query), open, signal, new TimeSlices());
  return { excerpt, read, bytes };
}

async function readToEnd(excerpt: (query: object) => Promise<Excerpt>, length: number): Promise<string> {
  let text = '';
  let offset = 0;
  for (;;) {
    const piece = await excerpt({ offset, length });
    expect(piece.offset).toBe(offset);
    text += piece.text ?? '';
    if (piece.nextOffset === null) return text;
    expect(piece.nextOffset).toBeGreaterThan(offset);
    offset = piece.nextOffset;
  }
}

describe('an excerpt', () => {
  it('of a small text is the whole of it', async () => {
    const { excerpt } = artifactOf('one\ntwo\n');
    expect(await excerpt()).toMatchObject({
      kind: 'text',
      text: 'one\ntwo\n',
      offset: 0,
      nextOffset: null,
      matches: null,
    });
    expect(await artifactOf('').excerpt()).toMatchObject({ kind: 'text', text: '', nextOffset: null });
  });

  it('reads on at nextOffset until the text is complete, whatever its characters and the length', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'grapheme', maxLength: 40 }),
        fc.integer({ min: 4, max: 20 }),
        async (text, length) => {
          fc.pre(!text.includes('\0'));
          expect(await readToEnd(artifactOf(text).excerpt, length)).toBe(text.replace(/^\ufeff/, '\ufeff'));
        },
      ),
    );
  });

  it('gets further in any bytes, at any length', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ min: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 4 }),
        async (bytes, length) => {
          const { excerpt } = artifactOf(Buffer.from(bytes));
          for (let offset: number | null = 0, calls = 0; offset !== null; calls += 1) {
            offset = (await excerpt({ offset, length })).nextOffset;
            expect(calls).toBeLessThan(100);
          }
        },
      ),
    );
  });

  it('from the end, past the end, and from the middle of a character', async () => {
    const { excerpt } = artifactOf('aé⚐z');
    expect(await excerpt({ offset: -1 })).toMatchObject({ text: 'z', offset: 6 });
    expect(await excerpt({ offset: -1000 })).toMatchObject({ text: 'aé⚐z', offset: 0 });
    expect(await excerpt({ offset: 2 })).toMatchObject({ text: '⚐z', offset: 3, invalidUtf8: false });
    expect(await excerpt({ offset: 0, length: 5 })).toMatchObject({ text: 'aé', nextOffset: 3 });
    expect(await excerpt({ offset: 7 })).toMatchObject({ text: '', nextOffset: null });
    await expect(excerpt({ offset: 8 })).rejects.toMatchObject({ code: 'range_not_satisfiable' });
  });

  it('shows broken UTF-8 as U+FFFD, and says so', async () => {
    const { excerpt } = artifactOf(
      Buffer.concat([Buffer.from('good '), Buffer.from([0xff]), Buffer.from(' text'.repeat(20))]),
    );
    const piece = await excerpt({ length: 11 });
    expect(piece).toMatchObject({ kind: 'text', text: 'good \ufffd text', invalidUtf8: true });
    expect(piece.note).toMatch(/U\+FFFD/);
  });

  it('describes what is no text, and never shows it', async () => {
    for (const bytes of [
      Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1'),
      Buffer.from('text at first\0'),
      Buffer.from('UTF-16', 'utf16le'),
      Buffer.from(Array.from({ length: 200 }, (_, n) => 128 + (n % 128))),
    ]) {
      const { excerpt } = artifactOf(bytes);
      for (const query of [{}, { grep: 'text' }, { offset: -3 }]) {
        const piece = await excerpt(query);
        expect(piece).toMatchObject({ kind: 'binary', text: null, matches: null, nextOffset: null });
        expect(piece.note).toContain(String(bytes.length));
      }
    }
  });

  it('reads no more than it shows', async () => {
    const { excerpt, read } = artifactOf('x'.repeat(10_000_000), 65_536);
    const piece = await excerpt({ offset: 5_000_000, length: 100 });
    expect(piece.text).toHaveLength(100);
    expect(read.bytes).toBeLessThan(10_000);
  });
});

describe('a search', () => {
  const log = Array.from({ length: 100 }, (_, n) => `line ${n + 1}${n % 10 === 4 ? ' ERROR: no disk' : ''}`).join(
    '\r\n',
  );

  it('finds lines whatever their letter case, with the lines around them', async () => {
    const { excerpt, bytes } = artifactOf(log);
    const { matches, nextOffset, text } = await excerpt({ grep: 'error: NO', context: 2 });
    expect(text).toBeNull();
    expect(nextOffset).toBeNull();
    expect(matches?.map(({ line }) => line)).toEqual([5, 15, 25, 35, 45, 55, 65, 75, 85, 95]);
    expect(matches?.[0]).toEqual({
      offset: bytes.indexOf('line 5 '),
      line: 5,
      text: 'line 5 ERROR: no disk',
      before: ['line 3', 'line 4'],
      after: ['line 6', 'line 7'],
    });
  });

  it('takes patterns as plain text', async () => {
    const { excerpt } = artifactOf('aaa\n(a+)+$\n.*\n');
    expect((await excerpt({ grep: '(a+)+$' })).matches).toHaveLength(1);
    expect((await excerpt({ grep: '.*' })).matches).toHaveLength(1);
    expect((await excerpt({ grep: '\\' })).matches).toEqual([]);
  });

  it('stops at the number of matches, and goes on from there', async () => {
    const { excerpt } = artifactOf(log);
    const lines: string[] = [];
    for (let offset: number | null = 0; offset !== null;) {
      const piece: Excerpt = await excerpt({ grep: 'ERROR', context: 1, maxMatches: 3, offset });
      expect(piece.matches?.length).toBeLessThanOrEqual(3);
      lines.push(...(piece.matches ?? []).map((match) => match.text));
      offset = piece.nextOffset;
    }
    expect(lines).toHaveLength(10);
    expect(new Set(lines).size).toBe(10);
  });

  it('never answers more than the length asked for, and goes on from there', async () => {
    const { excerpt } = artifactOf('match '.repeat(10).trimEnd().concat('\n').repeat(200));
    let count = 0;
    for (let offset: number | null = 0; offset !== null;) {
      const piece: Excerpt = await excerpt({ grep: 'match', length: 1000, maxMatches: 100, offset });
      const shown = (piece.matches ?? []).flatMap(({ text, before, after }) => [text, ...before, ...after]).join('\n');
      expect(Buffer.byteLength(shown)).toBeLessThanOrEqual(1000);
      count += piece.matches?.length ?? 0;
      offset = piece.nextOffset;
    }
    expect(count).toBe(200);
  });

  it('shows a long line around what was found, and says where that is', async () => {
    const long = `${'é'.repeat(300_000)}needle${'b'.repeat(300_000)}\nnext`;
    const { excerpt } = artifactOf(long, 65_536);
    const { matches } = await excerpt({ grep: 'needle', context: 1 });
    expect(matches).toHaveLength(1);
    expect(matches?.[0]?.text).toContain('needle');
    expect(matches?.[0]?.text.length).toBeLessThanOrEqual(excerptLimits.lineCharacters);
    expect(matches?.[0]).toMatchObject({ line: 1, before: [], after: ['next'] });
    const there = await excerpt({ offset: matches?.[0]?.offset, length: 1000 });
    expect(there.text).toContain('needle');
  });

  it('finds what lies across two pieces of a long line', async () => {
    for (const at of [65_536 - 3, 65_536 - 800, 65_536]) {
      const { excerpt } = artifactOf(`${'a'.repeat(at)}needle${'b'.repeat(100_000)}`, 10_000);
      expect((await excerpt({ grep: 'needle' })).matches).toHaveLength(1);
    }
  });

  it('looks at a bounded part of a large file, and goes on from there', async () => {
    const line = `${'x'.repeat(99)}\n`;
    const bytes = Buffer.concat([
      Buffer.alloc(excerptLimits.scanBytes - 10, line),
      Buffer.from('\nneedle on the border\n'),
    ]);
    const { excerpt, read } = artifactOf(bytes, 1024 * 1024);
    const first = await excerpt({ grep: 'needle' });
    expect(first.matches).toEqual([]);
    expect(read.bytes).toBeLessThanOrEqual(excerptLimits.scanBytes + 8192);
    const second = await excerpt({ grep: 'needle', offset: first.nextOffset });
    expect(second).toMatchObject({ nextOffset: null, matches: [{ text: 'needle on the border' }] });
  });

  it('stops when its caller goes away', async () => {
    const { excerpt, read } = artifactOf('x\n'.repeat(1_000_000), 1000);
    await excerpt({ grep: 'y' }, AbortSignal.abort());
    expect(read.bytes).toBeLessThan(10_000);
  });
});
