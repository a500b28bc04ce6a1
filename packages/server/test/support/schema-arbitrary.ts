import fc from 'fast-check';
import { z } from 'zod';

/** The keywords of JSON Schema that zod uses for the schemas of the operations. */
interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly format?: string;
}

/** Generates texts that often cause errors in database engines, parsers and printers. */
export const hostileText = fc.oneof(
  fc.constantFrom('', ' ', '\0', 'a\0b', '\ud800', '\u{1F600}', '\u202e', '../..', '%00', "';--", '[object Object]'),
  fc.constantFrom('__proto__', 'constructor', 'NaN', '-1', '1e999', '0x10', '9007199254740993', 'null', 'true'),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.integer({ min: 200, max: 5000 }).map((length) => 'x'.repeat(length)),
);

export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  hostileText,
  fc.constantFrom(null, true, 0, -1, -0, 1e308, 2 ** 53, 2 ** 31, 2 ** 63, 0.5, [], {}, [[]], [null], { a: null }),
  fc.constantFrom(90, 120, 300).map((depth) => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as unknown),
  fc.jsonValue({ maxDepth: 3 }),
  fc.array(hostileText, { maxLength: 400 }),
);

/**
 * Generates values of a schema with faults. Any value may be replaced, any member may be missing, and one unknown
 * member may be added. Some calls should find existing records, so `given` contains ids and names of such records.
 */
export function almostOf(schema: z.ZodType, given: readonly string[]): fc.Arbitrary<unknown> {
  return almostOfJson(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }), given);
}

/** Generates values as `almostOf` does, for a schema that is already JSON Schema. */
export function almostOfJson(schema: object, given: readonly string[]): fc.Arbitrary<unknown> {
  const root = schema as JsonSchema;
  return arbitraryOf(root, root.$defs ?? {}, given, 0);
}

function arbitraryOf(
  schema: JsonSchema,
  definitions: Readonly<Record<string, JsonSchema>>,
  given: readonly string[],
  depth: number,
): fc.Arbitrary<unknown> {
  const inside = (inner: JsonSchema): fc.Arbitrary<unknown> => arbitraryOf(inner, definitions, given, depth + 1);
  const name = schema.$ref?.split('/').at(-1);
  if (name !== undefined && depth < 8) return inside(definitions[name] ?? {});
  return fc.oneof({ weight: 40, arbitrary: properOf(schema, inside, given) }, { weight: 1, arbitrary: hostileValue });
}

function properOf(
  schema: JsonSchema,
  inside: (inner: JsonSchema) => fc.Arbitrary<unknown>,
  given: readonly string[],
): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(inside));
  switch (schema.type) {
    case 'object':
      return objectOf(schema, inside);
    case 'array':
      return fc.array(inside(schema.items ?? {}), { maxLength: 4 });
    case 'string':
      return textOf(schema, given);
    case 'integer':
    case 'number':
      return fc.integer({
        min: Math.max(schema.minimum ?? 0, -(2 ** 40)),
        max: Math.max(Math.min(schema.maximum ?? 100, 2 ** 40), schema.minimum ?? 0),
      });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      // The schema has no type if a value is converted when it is read. So numbers and texts are generated for this
      // value.
      return fc.oneof(
        { weight: 5, arbitrary: fc.integer({ min: 1, max: 50 }) },
        { weight: 5, arbitrary: textOf(schema, given) },
        { weight: 1, arbitrary: hostileValue },
      );
  }
}

function textOf({ pattern, format }: JsonSchema, given: readonly string[]): fc.Arbitrary<string> {
  const usual = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...given) },
    { weight: 3, arbitrary: fc.stringMatching(/^[a-z]{1,8}$/) },
    { weight: 1, arbitrary: hostileText },
  );
  if (format === 'date-time') {
    return fc.oneof({ weight: 9, arbitrary: fc.constant('2026-01-01T00:00:00.000Z') }, { weight: 1, arbitrary: usual });
  }
  if (pattern === undefined || format !== undefined) return usual;
  return fc.oneof({ weight: 9, arbitrary: fc.stringMatching(new RegExp(pattern)) }, { weight: 1, arbitrary: usual });
}

function objectOf(
  { properties, required = [] }: JsonSchema,
  inside: (inner: JsonSchema) => fc.Arbitrary<unknown>,
): fc.Arbitrary<unknown> {
  // An object without declared members, such as a payload, gets members with any names.
  if (properties === undefined) {
    return fc.dictionary(fc.stringMatching(/^[a-z]{1,4}$/), fc.oneof(fc.string({ maxLength: 4 }), hostileValue), {
      maxKeys: 3,
    });
  }
  const missing = fc.constant(undefined);
  const members = Object.entries(properties).map(([name, inner]) => {
    const weights = required.includes(name) ? { given: 40, missing: 1 } : { given: 1, missing: 2 };
    const member = fc.oneof(
      { weight: weights.given, arbitrary: inside(inner) },
      { weight: weights.missing, arbitrary: missing },
    );
    return [name, member] as const;
  });
  const stray = fc.oneof(
    { weight: 40, arbitrary: missing },
    { weight: 1, arbitrary: fc.tuple(hostileText, hostileValue) },
  );
  return fc.tuple(fc.record(Object.fromEntries(members)), stray).map(([object, more]) => {
    const kept = Object.entries(object).filter(([, value]) => value !== undefined);
    return Object.fromEntries(more === undefined ? kept : [...kept, more]);
  });
}
