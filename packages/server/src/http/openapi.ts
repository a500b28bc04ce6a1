import {
  commonErrors,
  errorTable,
  experimentHeader,
  idempotencyHeader,
  leaseHeader,
  operations,
  problemSchema,
  wireConditions,
  wireProblemSchema,
  type ErrorCode,
  type Operation,
  type OperationId,
} from '@proofhouse/core';
import { z } from 'zod';
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi';

/** As much of a document as its readers here look at. */
export interface OpenApiDocument {
  readonly info: { readonly description?: string };
  readonly paths?: Readonly<Record<string, object>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, object>> };
}

/** The OpenAPI 3.1 document of the operations table. */
export function openApiDocument(): OpenApiDocument {
  const paths: ZodOpenApiPathsObject = {};
  for (const id of Object.keys(operations) as OperationId[]) {
    const row: Operation = operations[id];
    const path = row.path.replace('{+', '{');
    paths[path] = { ...paths[path], [row.method.toLowerCase()]: describe(id, row) };
  }
  return createDocument({
    openapi: '3.1.1',
    info: {
      title: 'Proofhouse',
      version: '0.1.0',
      description: 'A work queue, an artifact server and a review desk. Errors are RFC 9457 problem documents.',
      license: { name: 'Apache-2.0' },
    },
    paths,
    security: [{ bearer: [] }],
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description:
            'The admin token or a worker token; on /v0 behind its principal and a colon: `admin:<token>`, `wkr_…:<registration token>`.',
        },
      },
    },
  }) as OpenApiDocument;
}

function describe(id: OperationId, row: Operation): ZodOpenApiOperationObject {
  return {
    operationId: id,
    tags: [row.action.split('.')[0] ?? 'other'],
    summary: row.summary,
    ...(row.description === undefined ? {} : { description: row.description }),
    requestParams: {
      path: row.params as z.ZodObject,
      query: row.query as z.ZodObject,
      ...headerParams(row),
    },
    ...requestBody(row),
    responses: { [String(row.status)]: success(row), ...failures(row) },
  };
}

function headerParams(row: Operation): { header?: z.ZodObject } {
  const shape: Record<string, z.ZodType> = {};
  if (row.lease) shape[leaseHeader] = z.string().optional().meta({ description: 'The fencing token of the claim.' });
  if (row.door === 'v0') shape[experimentHeader] = z.string().meta({ description: 'The experiment of the path.' });
  if (row.idempotent) shape[idempotencyHeader] = z.string().max(255).optional();
  return Object.keys(shape).length === 0 ? {} : { header: z.object(shape) };
}

function requestBody(row: Operation): Pick<ZodOpenApiOperationObject, 'requestBody'> {
  switch (row.request) {
    case 'none':
      return {};
    case 'json':
      return { requestBody: { content: { 'application/json': { schema: row.body } } } };
    case 'bytes':
      return { requestBody: { content: { 'application/octet-stream': { schema: binary } } } };
    case 'multipart': {
      const form = (row.body as z.ZodObject).extend({ file: z.string().meta({ override: binary }) });
      return { requestBody: { content: { 'multipart/form-data': { schema: form } } } };
    }
  }
}

const binary = { type: 'string', format: 'binary' } as const;

function success(row: Operation) {
  if (row.response === 'none') return { description: 'Done.' };
  if (row.response === 'bytes') {
    return { description: 'The bytes.', content: { '*/*': { schema: binary } } };
  }
  return { description: 'Done.', content: { 'application/json': { schema: row.output } } };
}

function nameOf(row: Operation, code: ErrorCode): string {
  const { wireType } = errorTable[code];
  if (row.door === 'api') return code;
  return wireType === null ? 'about:blank' : `eden://error/${wireType}`;
}

function statusOf(row: Operation, code: ErrorCode): number {
  const { http, wireType } = errorTable[code];
  return row.door === 'v0' && wireType !== null ? wireConditions[wireType].status : http;
}

/** One answer for each status, naming the codes that share it. */
function failures(row: Operation): ZodOpenApiOperationObject['responses'] {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set<ErrorCode>([...row.errors, ...commonErrors])) {
    const status = statusOf(row, code);
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const entries = [...byStatus].sort(([a], [b]) => a - b);
  return Object.fromEntries(
    entries.map(([status, codes]) => [
      String(status),
      {
        description: codes.map((code) => `\`${nameOf(row, code)}\`: ${errorTable[code].sentence}`).join('\n\n'),
        content: { 'application/problem+json': { schema: row.door === 'v0' ? wireProblemSchema : problemSchema } },
      },
    ]),
  );
}
