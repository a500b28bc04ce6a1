import {
  experimentHeader,
  idempotencyHeader,
  jobEventSchema,
  jobHintSchema,
  leaseHeader,
  opaqueSchema,
  operations,
  takesIdempotencyKey,
  withoutRefused,
  type Operation,
  type OperationId,
} from '@proofhouse/core';
import { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiOverride,
  type ZodOpenApiPathsObject,
} from 'zod-openapi';
import { binarySchema, describeAnswers } from './openapi-answers.ts';
import { sessionCookieName } from '../session-cookie.ts';

/** The parts of the OpenAPI document that the page at `/api/docs` uses. */
export interface OpenApiDocument {
  readonly info: { readonly description?: string };
  readonly paths?: Readonly<Record<string, object>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, object>> };
}

/** Returns the OpenAPI 3.1 document of the operations table. `basePath`, such as `/work`, becomes the URL in `servers`. */
export function openApiDocument(basePath = ''): OpenApiDocument {
  const paths: ZodOpenApiPathsObject = {};
  for (const id of Object.keys(operations) as OperationId[]) {
    const row: Operation = operations[id];
    const path = row.path.replace('{+', '{');
    paths[path] = { ...paths[path], [row.method.toLowerCase()]: describe(id, row) };
  }
  const described: ZodOpenApiObject = {
    openapi: '3.1.1',
    info: {
      title: 'Proofhouse',
      version: '0.1.0',
      description:
        'A work queue, an artifact server and a review desk. Errors are RFC 9457 problem documents. HEAD is answered wherever GET is.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: basePath === '' ? '/' : basePath }],
    paths,
    security: [{ bearer: [] }, { workerToken: [] }, { session: [] }],
    components: {
      securitySchemes,
      // OpenAPI 3.1 cannot describe the items of an event stream, so their schemas are listed here.
      schemas: { JobEvent: jobEventSchema, JobHint: jobHintSchema },
    },
  };
  const document = createDocument(described, { override: openAnswers });
  return withoutRefused(document as OpenApiDocument);
}

/**
 * Lets objects in responses have further fields, because later versions may add fields. Objects with a strict schema,
 * as on /v0, allow no further fields.
 */
const openAnswers: ZodOpenApiOverride = ({ jsonSchema, zodSchema, io }) => {
  const { def } = zodSchema._zod;
  if (io === 'output' && def.type === 'object' && def.catchall === undefined) delete jsonSchema.additionalProperties;
};

const securitySchemes = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description:
      'The admin token, the token of a user or a worker token; on /v0 behind its principal and a colon: `admin:<token>`, `<user id>:<token>`, `wkr_…:<registration token>`. A call with a user token that has `mayActFor` may name another user in the header `Proofhouse-Actor`, and then has the lower role of both; with every other credential this header is refused with 403.',
  },
  workerToken: {
    type: 'apiKey',
    in: 'header',
    name: 'X-Worker-Token',
    description: 'A worker token; also taken as `X-MoonMind-Worker-Token`. Not on /v0.',
  },
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: sessionCookieName,
    description: 'The session of the web page, for whoever signed in there. Not on /v0.',
  },
} as const;

function describe(id: OperationId, row: Operation): ZodOpenApiOperationObject {
  return {
    operationId: id,
    tags: [row.action.split('.')[0] ?? 'other'],
    summary: row.summary,
    ...(row.description === undefined ? {} : { description: row.description }),
    ...(row.door === 'v0' ? { security: [{ bearer: [] }] } : {}),
    requestParams: {
      path: row.params as z.ZodObject,
      query: row.query as z.ZodObject,
      ...headerParams(row),
    },
    ...requestBody(row),
    responses: describeAnswers(row),
  };
}

function headerParams(row: Operation): { header?: z.ZodObject } {
  const takesBytes = row.request === 'bytes' || row.request === 'multipart';
  const shape: Record<string, z.ZodType> = { ...(takesBytes ? bodyHeaders : {}), ...row.headers?.shape };
  if (row.lease) shape[leaseHeader] = described(opaqueSchema.optional(), 'The fencing token of the claim.');
  if (row.versioned === true) shape['if-match'] = described(z.string().optional(), ifMatchText);
  if (row.door === 'v0') shape[experimentHeader] = described(z.string(), 'The experiment of the path.');
  if (takesIdempotencyKey(row)) {
    shape[idempotencyHeader] = described(opaqueSchema.optional(), 'Repeating a call under its key does it only once.');
  }
  if (row.response === 'bytes') Object.assign(shape, downloadHeaders);
  return Object.keys(shape).length === 0 ? {} : { header: z.object(shape) };
}

const ifMatchText = 'The version of the record that the caller has read, such as `"3"`.';

/** Request headers of byte bodies: digests (RFC 9530, RFC 3230, RFC 1864) and conditions (RFC 9110 section 13). */
const bodyHeaders = {
  'content-digest': described(z.string().optional(), 'What the body must hash to: sha-256, sha-512 or md5.'),
  'repr-digest': described(z.string().optional(), 'The same as `Content-Digest`: bodies have no content coding.'),
  digest: described(z.string().optional(), 'The older form: `SHA-256=<base64>`.'),
  'content-md5': described(z.string().optional(), 'The base64 of the md5 of the body.'),
  'if-match': described(z.string().optional(), 'ETags, of which the newest artifact of the name must have one.'),
  'if-none-match': described(z.string().optional(), 'ETags, of which it must have none; `*` stores a name once.'),
};

/** Request headers of downloads: ranges and conditions (RFC 9110, sections 13 and 14). */
const downloadHeaders = {
  range: described(
    z.string().optional(),
    'One range, such as `bytes=0-499` or `bytes=-500`; several are answered whole.',
  ),
  'if-range': described(z.string().optional(), 'The ETag that the range is of; with another the answer is whole.'),
  'if-none-match': described(z.string().optional(), 'ETags of bytes that the client has: 304 for one of them.'),
};

function described(schema: z.ZodType, description: string): z.ZodType {
  return schema.meta({ description });
}

function requestBody(row: Operation): Pick<ZodOpenApiOperationObject, 'requestBody'> {
  switch (row.request) {
    case 'none':
      return {};
    case 'json': {
      // A request without a body counts as a request with an empty object.
      const required = !row.body.safeParse({}).success;
      return { requestBody: { required, content: { 'application/json': { schema: row.body } } } };
    }
    case 'bytes':
      return { requestBody: { required: true, content: { '*/*': { schema: binarySchema } } } };
    case 'multipart': {
      const form = (row.body as z.ZodObject).extend({ file: z.string().meta({ override: binarySchema }) });
      return { requestBody: { required: true, content: { 'multipart/form-data': { schema: form } } } };
    }
  }
}
