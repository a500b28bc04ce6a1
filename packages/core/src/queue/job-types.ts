import { z } from 'zod';
import { AppError } from '../app-error.ts';
import type { ErrorCode } from '../error-codes.ts';
import { parseFields } from '../values/parse-fields.ts';
import { commonPayloadFields, type JobPayload, type PayloadFields } from './job-payload.ts';

/**
 * Categories of jobs. With them, lists and readers of events can separate manifest runs from other work (seed 003
 * FR-012).
 */
export const jobCategories = ['manifest', 'work'] as const;
export type JobCategory = (typeof jobCategories)[number];

/** One row of the table of job types. It contains everything in which its job type differs from others. */
export interface JobType<Payload extends JobPayload = JobPayload> {
  /** Name of the job type. Must match `jobTypePattern`. */
  readonly name: string;
  readonly category: JobCategory;
  /**
   * Schema of the payload. The job stores the output of the schema. A payload that does not match is refused with
   * `invalid_request`.
   */
  readonly payloadSchema: z.ZodType<Payload>;
  /** Computes job fields from an output of `payloadSchema`. May throw an `AppError` with a code of `errors`. */
  derive(payload: Payload): PayloadFields;
  /** Returns the payload for answers. For example, it may omit content that is stored elsewhere. */
  view(payload: Payload): JobPayload;
  /** Error codes that `derive` may throw, in addition to `invalid_request`. */
  readonly errors: readonly ErrorCode[];
}

/**
 * Schema that accepts any payload. The request schema has already checked that the payload is an object. Its keys may
 * have any name.
 */
const anyPayload = z.custom<JobPayload>();

/**
 * Returns a job type whose payload has no rules except `commonPayloadFields`. Every job type from the configuration has
 * this form.
 */
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

/** The job types that every server has without configuration (seed 003 FR-001, FR-002). */
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

/**
 * Returns the job types with these names. A built-in name gets its built-in row. Any other name gets `plainJobType`.
 */
export function jobTypesOf(names: readonly string[]): JobTypes {
  return new Map(names.map((name) => [name, builtIn.get(name) ?? plainJobType(name)]));
}

const builtIn = new Map(builtInJobTypes.map((type) => [type.name, type]));

/** Returns the job type of a stored job. For a type that is no longer configured, this is `plainJobType`. */
export function jobTypeOf(types: JobTypes, name: string): JobType {
  return types.get(name) ?? plainJobType(name);
}

/**
 * Checks a new payload. Returns it with the job fields that were computed from it. Throws `invalid_request` or a code
 * of `type.errors`.
 */
export function decodePayload(type: JobType, given: JobPayload): { payload: JobPayload } & PayloadFields {
  const payload = parseFields(type.payloadSchema, given, 'payload.');
  return { ...type.derive(payload), payload };
}

/** Pattern of the name of a configured job type. */
export const jobTypePattern = /^[a-z][a-z0-9_-]{0,63}$/;
export const jobTypeRule = 'must be lower-case letters, digits, "_" and "-" after a first letter, at most 64';

/** Returns the error message for a job type that is not in `known`. */
export function unknownJobType(type: string, known: readonly string[]): string {
  const shown = JSON.stringify(type.slice(0, 80));
  return `unknown job type ${shown}; known: ${known.join(', ')} (PROOFHOUSE_JOB_TYPES of the server adds others)`;
}
