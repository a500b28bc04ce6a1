import { z } from 'zod';
import { AppError } from '../app-error.ts';
import type { ErrorCode } from '../error-codes.ts';
import { parseFields } from '../values/parse-fields.ts';
import { commonPayloadFields, type JobPayload, type PayloadFields } from './job-payload.ts';

/** Lists and event readers can separate manifest runs from other work (seed 003 FR-012). */
export const jobCategories = ['manifest', 'work'] as const;
export type JobCategory = (typeof jobCategories)[number];

/** One row of the table of job types. The queue treats all types alike; differences between types are in these fields. */
export interface JobType<Payload extends JobPayload = JobPayload> {
  /** Matches `jobTypePattern`. */
  readonly name: string;
  readonly category: JobCategory;
  /** The contract of the payload. The job keeps the schema's output. A payload that does not fit is `invalid_request`. */
  readonly payloadSchema: z.ZodType<Payload>;
  /** Computes job fields from a payload that fits `payloadSchema`. May throw an `AppError` of `errors`. */
  derive(payload: Payload): PayloadFields;
  /** The payload as answers show it, for example without content that is stored elsewhere. */
  view(payload: Payload): JobPayload;
  /** Error codes of `derive`, beside `invalid_request`. */
  readonly errors: readonly ErrorCode[];
}

/** Accepts any object: the request schema has checked that it is one, and its keys have no contract. */
const anyPayload = z.custom<JobPayload>();

/** A type whose payload has no contract beyond `commonPayloadFields`: every configured type is one. */
export function plainJobType(name: string): JobType {
  return {
    name,
    category: 'work',
    payloadSchema: anyPayload,
    derive: commonPayloadFields,
    view: (payload) => payload,
    errors: [],
  };
}

/** The types that every server knows without configuration (seed 003 FR-001, FR-002). */
export const builtInJobTypes: readonly JobType[] = [
  plainJobType('task'),
  plainJobType('exec'),
  plainJobType('codex_exec'),
  plainJobType('codex_skill'),
  {
    ...plainJobType('manifest'),
    category: 'manifest',
    derive: () => {
      throw new AppError('invalid_manifest_job', 'This server does not take manifest jobs yet.');
    },
    errors: ['invalid_manifest_job'],
  },
];

/** The job types of one server, by name. */
export type JobTypes = ReadonlyMap<string, JobType>;

/** The types of these names: the built-in row where there is one, else a plain type. */
export function jobTypesOf(names: readonly string[]): JobTypes {
  return new Map(names.map((name) => [name, builtIn.get(name) ?? plainJobType(name)]));
}

const builtIn = new Map(builtInJobTypes.map((type) => [type.name, type]));

/** The row of a stored job. A type that is no longer configured is a plain one. */
export function jobTypeOf(types: JobTypes, name: string): JobType {
  return types.get(name) ?? plainJobType(name);
}

/** Checks a new payload and computes the fields that follow from it. Errors: `invalid_request`, and `type.errors`. */
export function decodePayload(type: JobType, given: JobPayload): { payload: JobPayload } & PayloadFields {
  const payload = parseFields(type.payloadSchema, given, 'payload.');
  return { ...type.derive(payload), payload };
}

/** Names that a configured job type may have. */
export const jobTypePattern = /^[a-z][a-z0-9_-]{0,63}$/;
export const jobTypeRule = 'must be lower-case letters, digits, "_" and "-" after a first letter, at most 64';

/** Error message for a type that is not in `known`. */
export function unknownJobType(type: string, known: readonly string[]): string {
  const shown = JSON.stringify(type.slice(0, 80));
  return `unknown job type ${shown}; known: ${known.join(', ')} (PROOFHOUSE_JOB_TYPES of the server adds others)`;
}
