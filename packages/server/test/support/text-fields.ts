import { operations, takesIdempotencyKey, type Operation } from '@proofhouse/core';
import { z } from 'zod';

interface JsonSchema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
}

/** Formats whose values cannot contain a secret. */
const closedFormats = ['uuid', 'date-time'];

/**
 * Returns, for each operation that changes something, the request fields in which a client can send any text. A field
 * is named by its path in the schema, such as `body.items[].payload.*`. `.*` stands for all keys and values of a map.
 */
export function textFields(): Record<string, string[]> {
  const rows = Object.entries(operations).map(([id, row]: [string, Operation]) => [id, fieldsOf(row)] as const);
  return Object.fromEntries(rows.filter(([, fields]) => fields.length > 0));
}

function fieldsOf(row: Operation): string[] {
  if (row.method === 'GET') return [];
  const { params, query, body, headers, mcp } = row;
  return [
    ...fieldsIn(params, 'params'),
    ...fieldsIn(query, 'query'),
    ...fieldsIn(body, 'body'),
    ...(headers === undefined ? [] : fieldsIn(headers, 'headers')),
    ...(takesIdempotencyKey(row) ? ['headers.idempotency-key'] : []),
    ...(row.request === 'bytes' || row.request === 'multipart' ? ['bytes', 'bytes.contentType'] : []),
    ...(row.request === 'multipart' ? ['bytes.filename'] : []),
    ...(mcp?.input === undefined ? [] : fieldsIn(mcp.input, 'mcp')),
  ].toSorted();
}

function fieldsIn(schema: z.ZodType, at: string): string[] {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  return [...new Set(walk(json, at, json.$defs ?? {}))];
}

function walk(schema: JsonSchema, at: string, defs: Readonly<Record<string, JsonSchema>>): string[] {
  if (schema.$ref !== undefined) return walk(defs[schema.$ref.replace('#/$defs/', '')] ?? {}, at, defs);
  const choices = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  if (choices.length > 0) return choices.flatMap((choice) => walk(choice, at, defs));
  if (schema.enum !== undefined || schema.const !== undefined) return [];
  // A field that may be null has a list of types.
  const type = typeof schema.type === 'object' ? schema.type.find((each) => each !== 'null') : schema.type;
  switch (type) {
    case 'string':
      return closedFormats.includes(schema.format ?? '') ? [] : [at];
    case 'array':
      return walk(schema.items ?? {}, `${at}[]`, defs);
    case 'object': {
      const isMap = typeof schema.additionalProperties === 'object' || schema.additionalProperties === true;
      const fields = Object.entries(schema.properties ?? {});
      return [...fields.flatMap(([name, field]) => walk(field, `${at}.${name}`, defs)), ...(isMap ? [`${at}.*`] : [])];
    }
    case undefined:
      return [at];
    default:
      return [];
  }
}
