import { z } from 'zod';
import { fieldError } from '../app-error.ts';
import { parseFields } from '../values/parse-fields.ts';
import { textSchema } from '../values/wire-values.ts';

/** The payload of a job: a JSON object. */
export type JobPayload = Readonly<Record<string, unknown>>;

/** Largest payload of a job, in bytes of UTF-8 JSON. */
export const maxPayloadBytes = 256 * 1024;

export const capabilitiesSchema = z.array(textSchema(1, 128)).max(64);

/** Fields of a job that the row of its job type computes from the payload. */
export interface PayloadFields {
  /** Capabilities in the form of `normalizeCapabilities`. Undefined if the payload does not contain this field. */
  readonly requiredCapabilities?: readonly string[] | undefined;
  /**
   * The repository of the job, which is compared with the `allowedRepositories` of credentials. Null if the job has no
   * repository.
   */
  readonly repository?: string | null | undefined;
  /** Name of the manifest that the job runs. Null if it runs none. */
  readonly manifestName?: string | null | undefined;
}

/** Returns the names trimmed and in lower case, without duplicates, in the order of their first occurrence. */
export function normalizeCapabilities(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => name.trim().toLowerCase()))];
}

const namedSchema = z.object({ requiredCapabilities: capabilitiesSchema.nullish() });

/**
 * Returns the job fields that `requiredCapabilities` and `repository` of a payload set. Both fields have this meaning
 * in every job type that has no payload contract of its own. Throws `invalid_request`.
 */
export function commonPayloadFields(payload: JobPayload): PayloadFields {
  const given = { requiredCapabilities: payload['requiredCapabilities'] };
  const { requiredCapabilities } = parseFields(namedSchema, given, 'payload.');
  return {
    requiredCapabilities: requiredCapabilities == null ? undefined : normalizeCapabilities(requiredCapabilities),
    repository: repositoryOf(payload),
  };
}

function repositoryOf(payload: JobPayload): string | null {
  const repository = payload['repository'];
  if (repository === undefined || repository === null) return null;
  // eslint-disable-next-line no-control-regex -- finding control characters is the point.
  const usable = typeof repository === 'string' && /^[^\u0000-\u001f\u007f]{1,255}$/.test(repository.trim());
  if (!usable) throw fieldError('payload.repository', 'must be a text of 1 to 255 characters');
  return repository.trim();
}
