import { z } from 'zod';
import { AppError } from '../app-error.ts';
import { takesIdempotencyKey, type Operation, type OperationTool } from '../operation.ts';
import { operations, type OperationId } from '../operations.ts';
import { leaseDescription } from '../artifacts/upload-tool.ts';
import { opaqueSchema } from '../values/wire-values.ts';
import { problemOf } from '../problem.ts';
import { toolArgumentWords } from './tool-arguments.ts';
import { withoutRefused } from '../values/refused-fields.ts';

/** An operation that is also a tool of the MCP server. */
export interface ToolRow {
  readonly id: OperationId;
  readonly row: Operation;
  readonly tool: OperationTool;
}

export const toolRows: readonly ToolRow[] = Object.entries(operations).flatMap(([id, row]: [string, Operation]) =>
  row.mcp === undefined ? [] : [{ id: id as OperationId, row, tool: row.mcp }],
);

const rowsByTool = new Map(toolRows.map((each) => [each.tool.tool, each]));

function findTool(name: string): ToolRow | undefined {
  return rowsByTool.get(name);
}

/** Error of the JSON-RPC protocol for an unknown tool. The message does not contain the code. */
class UnknownTool extends Error {
  /** The code for invalid params (JSON-RPC 2.0). */
  readonly code = -32602;
}

/**
 * Returns the tool with this name. Throws an error that the SDK sends as a protocol error. The SDK's own error class
 * would repeat the code in the message, so it is not used.
 */
export function requireTool(name: string): ToolRow {
  const found = findTool(name);
  if (found === undefined) throw new UnknownTool(`There is no tool ${JSON.stringify(name.slice(0, 80))}.`);
  return found;
}

/** The arguments of a tool call, divided into the parts of an HTTP request. They are not validated yet. */
export interface ToolParts {
  readonly params: Readonly<Record<string, unknown>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: Readonly<Record<string, unknown>>;
  readonly leaseId: unknown;
  readonly idempotencyKey: unknown;
}

/**
 * Returns the arguments of a tool call as an object, which is empty if `given` is null. An argument that is null is
 * omitted.
 */
export function toolArguments(given: unknown): Record<string, unknown> {
  const kept = fields();
  if (typeof given !== 'object' || given === null) return kept;
  for (const [name, value] of Object.entries(given)) if (value !== null) kept[name] = value;
  return kept;
}

/**
 * Returns the JSON-RPC message, but without `arguments: null` in its parameters, because the MCP SDK refuses this
 * value.
 */
export function withoutNullArguments<Message>(message: Message): Message {
  const { params } = Object(message) as { readonly params?: unknown };
  if (typeof params !== 'object' || params === null || !('arguments' in params) || params.arguments !== null) {
    return message;
  }
  const { arguments: _none, ...rest } = params;
  return { ...message, params: rest };
}

/**
 * Divides the arguments of a tool into the parts of an HTTP request. An unknown argument is put into a part whose
 * schema refuses it. `leaseId` and `idempotencyKey` are put into the body if its schema has the field, otherwise into
 * the headers. Throws `invalid_request` if a required lease id is missing.
 */
export function toolParts(row: Operation, given: Readonly<Record<string, unknown>>): ToolParts {
  if (row.mcp?.needsLease === true && given['leaseId'] === undefined) throw leaseIsRequired();
  const parts = { params: fields(), query: fields(), body: fields() };
  const headers: { leaseId?: unknown; idempotencyKey?: unknown } = {};
  for (const [name, value] of Object.entries(given)) {
    const home = (['params', 'query', 'body'] as const).find((part) => Object.hasOwn(shapeOf(row[part]), name));
    if (home !== undefined) parts[home][name] = value;
    else if (name === 'leaseId' && row.lease) headers.leaseId = value;
    else if (name === 'idempotencyKey' && takesIdempotencyKey(row)) headers.idempotencyKey = value;
    else parts[row.request === 'json' ? 'body' : 'query'][name] = value;
  }
  return { ...parts, leaseId: headers.leaseId, idempotencyKey: headers.idempotencyKey };
}

function leaseIsRequired(): AppError {
  const errors = [{ path: 'leaseId', message: 'is required' }];
  return new AppError('invalid_request', 'The request is not valid: leaseId: is required.', { errors });
}

// Returns an object without a prototype. In such an object `__proto__` is an ordinary key, so an argument of this name
// is refused as unknown.
function fields(): Record<string, unknown> {
  return Object.create(null) as Record<string, unknown>;
}

/** Returns the input schema of a tool. By default it has all fields of the operation in one object. */
export function toolInput({ row, tool }: ToolRow): z.ZodObject {
  if (tool.input !== undefined) return tool.input;
  const shape = { ...shapeOf(row.params), ...shapeOf(row.query), ...(row.request === 'json' ? shapeOf(row.body) : {}) };
  const header = (description: string) => z.string().max(255).optional().meta({ description });
  if (row.lease)
    shape['leaseId'] =
      tool.needsLease === true ? opaqueSchema.meta({ description: 'From queue_claim.' }) : header(leaseDescription);
  if (takesIdempotencyKey(row)) shape['idempotencyKey'] = header('Repeating a call under its key does it only once.');
  return z.strictObject(shape);
}

function shapeOf(schema: z.ZodType): Record<string, z.ZodType> {
  return (schema as z.ZodObject).shape;
}

/** The description of a tool in `tools/list`. */
export interface ToolDescription {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: ObjectSchema;
  /**
   * Present only if the answer of the tool is more than the record on which the tool acts. Each schema uses up context
   * of the model, so all others are omitted.
   */
  readonly outputSchema?: ObjectSchema;
  readonly annotations: ToolAnnotations;
}

type ObjectSchema = { type: 'object' } & Record<string, unknown>;

interface ToolAnnotations {
  readonly readOnlyHint: boolean;
  readonly destructiveHint: boolean;
  readonly idempotentHint: boolean;
  readonly openWorldHint: boolean;
}

export function describeTool(each: ToolRow): ToolDescription {
  const { row, tool } = each;
  return {
    name: tool.tool,
    title: row.summary,
    description: tool.description,
    inputSchema: inputSchema(each),
    ...(tool.output === undefined ? {} : { outputSchema: outputSchema(tool.output) }),
    annotations: {
      readOnlyHint: row.method === 'GET',
      destructiveHint: tool.destructive === true,
      idempotentHint: row.repeatable === 'by-nature',
      openWorldHint: false,
    },
  };
}

function withArgumentWords(schema: ObjectSchema): ObjectSchema {
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, Record<string, unknown>>);
  const described = properties.map(([name, argument]) => [
    name,
    { ...argument, description: argument['description'] ?? toolArgumentWords[name] },
  ]);
  return { ...schema, properties: Object.fromEntries(described) as unknown };
}

/**
 * Schema of the content in the result of a failed call. Clients validate this content with the output schema of the
 * tool. So every output schema must accept it.
 */
const failureSchema = z.looseObject({ code: z.string(), detail: z.string() });

function outputSchema(answer: z.ZodType): ObjectSchema {
  return objectSchema(z.union([answer, failureSchema]));
}

// Returns the input schema as JSON Schema. Each argument has only its first type, without null, because some clients do
// not support alternative types. The server also accepts the other types, and null for an omitted argument.
function inputSchema(each: ToolRow): ObjectSchema {
  const schema = JSON.parse(JSON.stringify(objectSchema(toolInput(each))), (_key, value: unknown) => {
    const { anyOf, type: types, ...rest } = Object(value) as { anyOf?: readonly { type?: unknown }[]; type?: unknown };
    const others = anyOf?.filter(({ type }) => type !== 'null') ?? [];
    if (others.length > 0) return { ...rest, ...others[0] };
    return Array.isArray(types) ? { type: (types as unknown[]).find((type) => type !== 'null'), ...rest } : value;
  }) as ObjectSchema;
  return withArgumentWords(schema);
}

// Returns a JSON Schema without patterns, and without the limits of safe integers. Both would use up context of the
// model, and the server validates the values anyway.
function objectSchema(schema: z.ZodType): ObjectSchema {
  const { $schema: _dialect, ...json } = z.toJSONSchema(schema, {
    io: 'input',
    override: ({ jsonSchema }) => {
      delete jsonSchema.pattern;
      delete jsonSchema.propertyNames;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    },
  });
  return { ...withoutRefused(json), type: 'object' };
}

/**
 * The result of a tool call in MCP. It contains the same document twice: as an object for programs, and as text for
 * models.
 */
export interface ToolResult {
  // The types of the MCP SDK require the index signature and mutable fields.
  [name: string]: unknown;
  content: { type: 'text'; text: string }[];
  structuredContent: Record<string, unknown>;
  isError?: true;
}

export function toolSuccess(body: unknown): ToolResult {
  return resultOf(body as Record<string, unknown>);
}

/** Returns the problem document that HTTP would send. So an error code has the same meaning over HTTP and MCP. */
export function toolFailure(error: AppError, requestId?: string): ToolResult {
  return { ...resultOf(problemOf(error, requestId)), isError: true };
}

function resultOf(document: Record<string, unknown>): ToolResult {
  return { content: [{ type: 'text', text: JSON.stringify(document) }], structuredContent: document };
}
