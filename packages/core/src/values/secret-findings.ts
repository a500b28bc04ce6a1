import { z } from 'zod';

/** One secret that the server found in stored text. The value of the secret is never part of a finding. */
export interface SecretMark {
  /**
   * Says which text was scanned: `content` for the bytes of an artifact, else the name of a field. Examples are
   * `title`, `payload` and `events.12.message` (12 is the `seq` of the event).
   */
  readonly field: string;
  /** Id of the masking rule. */
  readonly rule: string;
  /** Position of the first byte of the secret in the text. If the field is an object, the position in its JSON. */
  readonly offset: number;
}

/**
 * Reasons why a text was not scanned, or only in part. `size`: the text is large, and only its first bytes were
 * scanned. `encoding`: the bytes look like text, but are neither UTF-8 nor UTF-16, so only secrets in ASCII were found.
 * `time`: the scan took too long and was ended. `unavailable`: the scanner failed.
 */
export const unscannedReasons = ['size', 'encoding', 'time', 'unavailable'] as const;
export type UnscannedReason = (typeof unscannedReasons)[number];

/** A text that was not scanned from `fromByte` to its end. */
export interface Unscanned {
  readonly field: string;
  /** Position of the first byte that was not scanned. */
  readonly fromByte: number;
  readonly reason: UnscannedReason;
}

/** The secrets in the text of a record, as the server found them when it stored the record. */
export interface SecretFindings {
  /** Version of this format. */
  readonly version: 1;
  /** The secrets in the order in which they were found. The list has at most `maxSecretMarks`. */
  readonly secrets: readonly SecretMark[];
  /** Number of further secrets that were found but are not in `secrets`. */
  readonly omitted: number;
  readonly unscanned: readonly Unscanned[];
}

/**
 * Largest number of secrets that the findings of a record list. The same limit applies to texts that were not scanned.
 */
export const maxSecretMarks = 100;

/** Schema of `SecretFindings`. It has no id, so OpenAPI repeats it inside each schema that contains it. */
export const secretFindingsSchema = z.object({
  version: z.literal(1),
  secrets: z
    .array(z.object({ field: z.string(), rule: z.string(), offset: z.int().min(0) }))
    .meta({ description: `At most ${String(maxSecretMarks)}. A finding never contains the value of the secret.` }),
  omitted: z.int().min(0).meta({ description: 'The number of secrets that were found and are not listed.' }),
  unscanned: z.array(z.object({ field: z.string(), fromByte: z.int().min(0), reason: z.enum(unscannedReasons) })),
});

/** Returns the findings, with both lists bounded. Returns null if nothing was found and everything was scanned. */
export function secretFindings(
  secrets: readonly SecretMark[],
  unscanned: readonly Unscanned[] = [],
  omitted = 0,
): SecretFindings | null {
  if (secrets.length === 0 && unscanned.length === 0 && omitted === 0) return null;
  return {
    version: 1,
    secrets: secrets.slice(0, maxSecretMarks),
    omitted: omitted + Math.max(0, secrets.length - maxSecretMarks),
    unscanned: unscanned.slice(0, maxSecretMarks),
  };
}

/** Merges the findings `before` and `more` of one record. If the list is full, those of `before` are kept. */
export function mergedFindings(before: SecretFindings | null, more: SecretFindings | null): SecretFindings | null {
  if (before === null || more === null) return before ?? more;
  return secretFindings(
    [...before.secrets, ...more.secrets],
    [...before.unscanned, ...more.unscanned],
    before.omitted + more.omitted,
  );
}

/** Returns the findings with `prefix` before the name of each field. */
export function findingsUnder(prefix: string, findings: SecretFindings | null): SecretFindings | null {
  if (findings === null) return null;
  const named = <Item extends { readonly field: string }>(item: Item): Item => ({
    ...item,
    field: `${prefix}${item.field}`,
  });
  return { ...findings, secrets: findings.secrets.map(named), unscanned: findings.unscanned.map(named) };
}

/** Returns a copy of the findings in the form in which answers contain them. */
export function findingsToJson(findings: SecretFindings | null): z.output<typeof secretFindingsSchema> | null {
  if (findings === null) return null;
  const { version, secrets, omitted, unscanned } = findings;
  return { version, secrets: [...secrets], omitted, unscanned: [...unscanned] };
}
