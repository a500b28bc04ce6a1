import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxJsonDepth, parseJson } from './parse-json.ts';

function objection(text: string): string | undefined {
  const { objection: found } = parseJson(text);
  return found === undefined ? undefined : `${found.kind} ${found.path}`;
}

/** Returns the integer that `JSON.stringify` writes for `value`. */
function written(value: number): bigint {
  const [, sign = '', first = '', rest = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e\+(\d+))?$/.exec(JSON.stringify(value)) ?? [];
  return BigInt(sign + first + rest + '0'.repeat(Number(exponent) - rest.length));
}

describe('a document', () => {
  it.each([
    '{"a":[1,2,{"b":null}],"c":"\\ud83d\\ude00","d":true}',
    '[1.0, 1e2, 0.1, -0, 0, 0.0, 0e5, -1.5E-7, 1e22, 1e23, 5e-324, 1.7976931348623157e308]',
    '9007199254740991',
    '9007199254740992',
    '-9007199254740992.000',
    '900719925474099200000e-5',
    '0.1000000000000000055',
    '3.141592653589793238462643383279',
    '{"a":{"b":1},"b":{"a":1,"b":2}}',
    '[{"a":1},{"a":1}]',
    '{"prototype":1,"constructor":1,"x":{"prototype":1}}',
    '{"constructor":[{"prototype":1}]}',
    ' "\\\\ud800 is text" ',
    '"a \\" b: c"',
    '{"a:b\\"":{"c":1}}',
  ])('that comes back as it was sent is taken: %s', (text) => {
    expect(parseJson(text)).toEqual({ value: JSON.parse(text) });
  });

  it.each([
    ['{"payload":{"id":3889108265204450030}}', 'value payload.id'],
    ['{"items":[1,{"n":-9007199254740993}]}', 'value items.1.n'],
    ['18446744073709551616', 'value '],
    ['9007199254740991.6', 'value '],
    ['9007199254740993.0', 'value '],
    ['90071992547409930e-1', 'value '],
    ['[0,[1e400]]', 'value 1.0'],
    ['{"a":-1e999999999999999999999}', 'value a'],
    ['{"a":{"tiny":1e-400}}', 'value a.tiny'],
    ['[1.2345678901234567e-310]', 'value 0'],
    ['{"s":"\\ud800"}', 'value s'],
    ['{"s":["x","\\uDE00\\uD83D"]}', 'value s.1'],
    ['{"\\ud800":1}', 'value \ufffd'],
    ['{"a":{"b":1,"c":2,"b":3}}', 'value a.b'],
    ['{"a":1,"\\u0061":2}', 'value a'],
    ['{"a":1 , "a" : 1}', 'value a'],
    ['{"x":{"__proto__":{}}}', 'key x.__proto__'],
    ['{"\\u005f_proto__":1}', 'key __proto__'],
    ['{"constructor":{"a":1,"prototype":{}}}', 'key constructor.prototype'],
    ['{"a":', 'syntax '],
    ['{"a":01}', 'syntax '],
    ['', 'syntax '],
    ['\ufeff{}', 'syntax '],
  ])('that would come back changed is refused by its path: %s', (text, expected) => {
    expect(objection(text)).toBe(expected);
  });

  it('has at most a hundred levels', () => {
    const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
    expect(objection(nested(maxJsonDepth))).toBeUndefined();
    expect(objection(nested(maxJsonDepth + 1))).toBe('value ');
    expect(objection(nested(500_000))).toBe('value ');
  });

  it('of any JSON value is taken, however it is written, when its numbers and texts are plain', () => {
    const plain = fc.json({ noUnicodeString: false }).filter((text) => !text.includes('"__proto__"'));
    fc.assert(
      fc.property(plain, fc.constantFrom(undefined, 1, '\t'), (text, indent) => {
        const again = JSON.stringify(JSON.parse(text), undefined, indent);
        const parsed = parseJson(again);
        // `JSON.stringify` also writes lone surrogates. Everything else that it writes is accepted by `parseJson`.
        if (/\\ud[89a-f]/i.test(again)) return;
        expect(parsed).toEqual({ value: JSON.parse(again) });
      }),
    );
  });

  it('with an integer is taken exactly when the integer comes back with the same digits', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
        fc.constantFrom('', '.0', 'e0', 'E+0'),
        (n, end) => {
          const comesBack = written(Number(n)) === n;
          expect(objection(`[${String(n)}${end}]`) === undefined).toBe(comesBack);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('with a number of any size comes back within half a unit in the last place, or is refused', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(parseJson(JSON.stringify(value))).toEqual({ value: Object.is(value, -0) ? 0 : value });
      }),
    );
  });

  it('of a mebibyte costs little more than to parse it', () => {
    const text = JSON.stringify(
      Array.from({ length: 20_000 }, (_, index) => ({ id: index, name: `n${String(index)}` })),
    );
    const started = performance.now();
    expect(parseJson(text).objection).toBeUndefined();
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
