// Tests the guarantees of the fuzz targets with generated inputs: mutated seeds, mixtures of tokens and noise, and
// complete forms with parts of every kind.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadTarget, targetNames } from './fuzz-targets.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { plainParts } from './plain-form.ts';

const byte = fc.nat({ max: 255 });
const noise = fc.oneof(
  fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
  fc.string({ unit: 'binary', maxLength: 6 }).map((text) => Buffer.from(text)),
  fc.constantFrom('\0', '\n', '\r', '\r\n', ' ', '"', '\\', ';', '=', '%', 'é').map((text) => Buffer.from(text)),
);

/** Generates changed seeds: bytes are removed at random positions, and tokens or noise are inserted. */
function mutated({ words, seeds }: FuzzTarget): fc.Arbitrary<Buffer> {
  const token = fc.oneof(
    fc.constantFrom(...words).map((word) => Buffer.from(word)),
    noise,
  );
  const edit = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), dropped: fc.nat({ max: 8 }), token });
  const seed = fc.constantFrom(...seeds).map((each) => Buffer.from(each as string));
  return fc.tuple(byte, seed, fc.array(edit, { maxLength: 6 })).map(([first, from, edits]) => {
    let bytes = from;
    for (const { at, dropped, token: put } of edits) {
      const place = Math.floor(at * bytes.length);
      bytes = Buffer.concat([bytes.subarray(0, place), put, bytes.subarray(place + dropped)]);
    }
    // Half of the inputs keep the first byte of the seed, which selects the parser or the chunk sizes. The others get a
    // random first byte.
    return first % 2 === 0 ? bytes : Buffer.concat([Buffer.from([first]), bytes.subarray(1)]);
  });
}

describe.each(targetNames)('%s', (name) => {
  it('holds for mutations of its seeds, and for noise', async () => {
    const target = await loadTarget(name);
    const mixture = fc.array(
      fc.oneof(
        fc.constantFrom(...target.words).map((word) => Buffer.from(word)),
        noise,
      ),
      {
        maxLength: 30,
      },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          mutated(target),
          mixture.map((parts) => Buffer.concat(parts)),
        ),
        async (bytes) => {
          await target.fuzz(bytes);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('a form of parts of every kind', () => {
  const boundary = 'bnd';
  const quoted = fc.oneof(
    fc.constantFrom(
      'file',
      'a.txt',
      '',
      'é',
      '日本',
      'a"b',
      'a\\"b',
      'a%22b',
      '../x',
      'a;b',
      "a'b",
      '\0',
      'x'.repeat(300),
    ),
    fc.string({ maxLength: 12 }),
  );
  const parameter = fc.oneof(
    quoted.map((value) => `filename="${value}"`),
    quoted.map((value) => `name="${value}"`),
    quoted.map((value) => `filename=${value}`),
    quoted.map((value) => `filename*=UTF-8''${encodeURIComponent(value.toWellFormed())}`),
    fc.constantFrom(
      "filename*=iso-8859-1''%A3",
      "filename*=utf-8''%ff",
      "filename*=''",
      'filename*0="a"; filename*1="b"',
    ),
    fc.constantFrom('name=file', 'NAME="file"', "name*=UTF-8''file", 'name', ';', 'x=y'),
  );
  const disposition = fc
    .tuple(fc.constantFrom('form-data', 'FORM-DATA', 'attachment', ''), fc.array(parameter, { maxLength: 4 }))
    .map(([type, parameters]) => `Content-Disposition: ${[type, 'name="file"', ...parameters].join('; ')}`);
  const header = fc.oneof(
    { weight: 6, arbitrary: disposition },
    { weight: 2, arbitrary: fc.constantFrom('Content-Type: text/plain', 'content-type: a/b; x="\u00e9"', 'X-A: b') },
    {
      weight: 1,
      arbitrary: fc.constantFrom(' folded', '\tfolded', 'no colon', ': no name', 'Content-Disposition : x', '\0: x'),
    },
  );
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
    fc
      .constantFrom(`\n--${boundary}`, `--${boundary}`, '\r\n--bn', '\r', '\r\n', `\r\n--\r\n${boundary}`)
      .map((text) => Buffer.from(text)),
  );
  const part = fc.tuple(fc.array(header, { maxLength: 3 }), body);
  const form = fc.record({
    preamble: fc.constantFrom('', 'text\r\n', '\r\n', '\n', '--\r\n'),
    parts: fc.array(part, { minLength: 1, maxLength: 3 }),
    padding: fc.constantFrom('', '', ' ', '\t'),
    end: fc.constantFrom(`--${boundary}--\r\n`, `--${boundary}--`, `--${boundary}--epilogue`, `--${boundary}\r\n`, ''),
  });

  it('is one deposit or none, independent of the chunk sizes', async () => {
    const { fuzz } = await loadTarget('deposit-form');
    await fc.assert(
      fc.asyncProperty(byte, form, async (seed, { preamble, parts, padding, end }) => {
        const pieces = parts.flatMap(([headers, bytes]) => [
          Buffer.from(`--${boundary}${padding}\r\n${headers.join('\r\n')}\r\n\r\n`),
          bytes,
          Buffer.from('\r\n'),
        ]);
        await fuzz(Buffer.concat([Buffer.from([seed]), Buffer.from(preamble), ...pieces, Buffer.from(end)]));
      }),
      { numRuns: 500 },
    );
  });

  it('is parsed by the reference parser as it was written', () => {
    const text = `pre\r\n--${boundary}\r\nA: b\r\n\r\none\r\n--${boundary}\r\n\r\n\r\n\r\n--${boundary}--\r\npost`;
    expect(plainParts(Buffer.from(text), boundary).map(({ body: bytes }) => bytes.toString())).toEqual(['one', '\r\n']);
  });
});
