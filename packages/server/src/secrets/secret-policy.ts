import {
  AppError,
  metadataViolation,
  secretFindings,
  type FieldError,
  type SecretFindings,
  type SecretMark,
  type SecretSet,
  type Unscanned,
} from '@proofhouse/core';
import type { Logger } from '../kernel/logger.ts';
import { Backlog, ContentScan, nothingFound, type ScannedContent } from './content-scan.ts';
import type { SecretThreads } from './secret-threads.ts';
import { headBytes } from './text-encoding.ts';
import { scanText } from './text-scan.ts';

/**
 * What the server does with a text that contains a secret. `off`: nothing is scanned. `flag`: the text is stored, and
 * the findings of its record list the secret. `reject`: the request is refused with `secret_found`, and nothing is
 * stored.
 */
export type SecretPolicyName = 'off' | 'flag' | 'reject';

/** A text of a request that is checked before it is stored. */
export interface CheckedText {
  /** Name of the text in the findings of the record. */
  readonly field: string;
  readonly text: string;
  /** Path of the text in the request, for errors. Default: `field`. */
  readonly path?: string;
}

/** Name of the bytes of an artifact in findings and errors. */
const contentField = 'content';

/** Largest number of secrets that an error names. */
const mostErrors = 20;
/** Largest number of bytes that wait to be scanned, in all uploads together. */
const backlogBytes = 32 * 1024 * 1024;

export interface SecretPolicyParts {
  readonly policy: SecretPolicyName;
  readonly set: SecretSet;
  readonly threads: SecretThreads;
  readonly logger: Logger;
}

/**
 * Applies the secret policy of the server to everything that it stores: the bytes of uploads, and the texts of
 * requests. No error, finding or log line contains the value of a secret.
 */
export class SecretPolicy {
  readonly #parts: SecretPolicyParts;
  readonly #backlog = new Backlog(backlogBytes);

  constructor(parts: SecretPolicyParts) {
    this.#parts = parts;
  }

  /** Returns the observer that scans the bytes of an upload while they are staged, or undefined if nothing is scanned. */
  content(): ContentScan | undefined {
    if (this.#parts.policy === 'off') return undefined;
    const { set, threads } = this.#parts;
    const onFailure = (error: unknown): void => {
      this.#logFailure(error);
    };
    return new ContentScan({ set, threads, backlog: this.#backlog, confirmed: this.#isStrict, onFailure });
  }

  /**
   * Returns the secrets that were found in an upload: in its bytes (`content`) and in its text fields (`texts`).
   * Errors: `secret_found`; under the policy `reject` also `unavailable` (the scanner failed).
   */
  async checkUpload(content: ScannedContent, texts: readonly CheckedText[]): Promise<SecretFindings | null> {
    if (this.#parts.policy === 'off') return null;
    const scanned = await this.#scan(texts);
    return this.#judge([{ field: contentField, text: '' }, ...texts], [content, ...scanned]);
  }

  /** Returns the secrets that were found in the texts of one record. Errors: as `checkUpload`. */
  async check(texts: readonly CheckedText[]): Promise<SecretFindings | null> {
    const [findings = null] = await this.checkEach([texts]);
    return findings;
  }

  /**
   * Checks the texts of several records. Returns the secrets found in each record, at the same index. If the policy
   * refuses one of the records, throws one error that names the secrets of all records. Errors: as `checkUpload`.
   */
  async checkEach(records: readonly (readonly CheckedText[])[]): Promise<(SecretFindings | null)[]> {
    if (this.#parts.policy === 'off') return records.map(() => null);
    const texts = records.flat();
    const scanned = await this.#scan(texts);
    if (this.#isStrict) this.#judge(texts, scanned);
    let start = 0;
    return records.map((record) => {
      const end = start + record.length;
      const findings = this.#judge(record, scanned.slice(start, end));
      start = end;
      return findings;
    });
  }

  /**
   * Throws `storage_policy`, with the path, for forbidden metadata of a record: a key that names a secret, a key or
   * value that contains a secret, or a signed URL. The check applies under every policy, also under `off`.
   */
  requireMetadata(metadata: Readonly<Record<string, unknown>> | undefined): void {
    if (metadata === undefined) return;
    const violation = metadataViolation(metadata, (text) => this.#firstRule(text));
    if (violation === undefined) return;
    const { path, message } = violation;
    throw new AppError('storage_policy', `${path} ${message}.`, { errors: [violation] });
  }

  get #isStrict(): boolean {
    return this.#parts.policy === 'reject';
  }

  #firstRule(text: string): string | undefined {
    return scanText(this.#parts.set, text, { confirmed: false }).secrets[0]?.rule;
  }

  async #scan(texts: readonly CheckedText[]): Promise<readonly ScannedContent[]> {
    const { set, threads } = this.#parts;
    const characters = texts.reduce((sum, { text }) => sum + text.length, 0);
    if (characters <= headBytes) return texts.map(({ text }) => scanText(set, text, { confirmed: this.#isStrict }));
    try {
      return await threads.texts(texts.map(({ text }) => text));
    } catch (error) {
      this.#logFailure(error);
      const unscanned = { fromByte: 0, reason: 'unavailable' } as const;
      return texts.map(() => ({ ...nothingFound, unscanned }));
    }
  }

  #judge(texts: readonly CheckedText[], scanned: readonly ScannedContent[]): SecretFindings | null {
    const found: (SecretMark & { readonly path: string })[] = [];
    const unscanned: Unscanned[] = [];
    let omitted = 0;
    for (const [index, result] of scanned.entries()) {
      const { field, path = field } = texts[index] ?? { field: contentField };
      for (const secret of result.secrets) found.push({ field, ...secret, path });
      omitted += result.omitted;
      if (result.unscanned !== undefined) unscanned.push({ field, ...result.unscanned });
    }
    if (this.#isStrict) {
      if (found.length > 0) throw secretFound(found);
      if (unscanned.some(({ reason }) => reason === 'unavailable')) throw scannerUnavailable();
    }
    const marks = found.map(({ field, rule, offset }) => ({ field, rule, offset }));
    return secretFindings(marks, unscanned, omitted);
  }

  #logFailure(error: unknown): void {
    this.#parts.logger.error({ err: error }, 'a scan for secrets failed');
  }
}

function secretFound(found: readonly (SecretMark & { readonly path: string })[]): AppError {
  const errors = found.slice(0, mostErrors).map(({ path, rule, offset }): FieldError => {
    return { path, message: `contains a secret (${rule}) at byte ${String(offset)}` };
  });
  const [first] = found;
  const text = errors.map(({ path, message }) => `${path} ${message}`)[0] ?? 'It contains a secret';
  const more = found.length > 1 ? `, and ${String(found.length - 1)} more` : '';
  return new AppError(
    'secret_found',
    `${text}${more}. Nothing was stored: remove or mask it, and send the request again.`,
    {
      errors,
      details: { rule: first?.rule, offset: first?.offset },
    },
  );
}

function scannerUnavailable(): AppError {
  return new AppError('unavailable', 'The request could not be scanned for secrets, so nothing was stored; try again.');
}
