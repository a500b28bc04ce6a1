import {
  AppError,
  fieldError,
  mayContainSecret,
  metadataViolation,
  secretFindings,
  storagePolicyError,
  type FieldError,
  type SecretFindings,
  type SecretMark,
  type SecretSet,
  type Unscanned,
} from '@proofhouse/core';
import type { Logger } from '../kernel/logger.ts';
import type { CheckedText } from './checked-text.ts';
import { Backlog, contentOf, ContentScan, inlineBytes, nothingFound, type ScannedContent } from './content-scan.ts';
import type { SecretThreads } from './secret-threads.ts';
import { scanText } from './text-scan.ts';

/**
 * What the server does with a text that contains a secret. `off`: it does not scan texts. `flag`: it stores the text,
 * and the findings of the record list the secret. `reject`: it refuses the request with `secret_found`, and stores
 * nothing.
 */
export type SecretPolicyName = 'off' | 'flag' | 'reject';

/** The name that findings and errors use for the bytes of an artifact. */
const contentField = 'content';

const encoder = new TextEncoder();

/** An error names at most this number of secrets. */
const mostErrors = 20;
/** Largest number of bytes that wait to be scanned, in all uploads together. */
const backlogBytes = 32 * 1024 * 1024;
/**
 * `checkUnmarked` remembers at most this number of texts without a secret. It is also the largest length of such a
 * text.
 */
const mostClean = 1000;
const longestClean = 1024;

export interface SecretPolicyParts {
  readonly policy: SecretPolicyName;
  readonly set: SecretSet;
  readonly threads: SecretThreads;
  readonly logger: Logger;
}

/**
 * Applies the secret policy of the server to everything that it stores: the bytes of uploads and the texts of requests.
 * No error, finding or log line contains the value of a secret.
 */
export class SecretPolicy {
  readonly #parts: SecretPolicyParts;
  readonly #backlog = new Backlog(backlogBytes);
  /**
   * Texts in which `checkUnmarked` found nothing. They are remembered, because workers send the same texts with each
   * claim.
   */
  readonly #clean = new Set<string>();

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
   * Errors: `secret_found`; under the policy `reject` also `unavailable` (the scanner failed) and `invalid_request` (the
   * scan took too long).
   */
  async checkUpload(content: ScannedContent, texts: readonly CheckedText[]): Promise<SecretFindings | null> {
    if (this.#parts.policy === 'off') return null;
    const scanned = await this.#scan(texts);
    return this.#judge([{ field: contentField, text: '' }, ...texts], [content, ...scanned]);
  }

  /** Returns the secrets that were found in the texts of one record. Errors: those of `checkUpload`. */
  async check(texts: readonly CheckedText[]): Promise<SecretFindings | null> {
    // Most calls end here. The general path costs more than the scan of a short text.
    if (this.#parts.policy === 'off' || this.#areClean(texts)) return null;
    const [findings = null] = await this.checkEach([texts]);
    return findings;
  }

  /**
   * Checks the texts of several records. Returns the secrets of each record, at the same index. If the policy refuses
   * one of the records, throws one error that names the secrets of all records. Errors: those of `checkUpload`.
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
   * Checks the texts of a record that has no field for findings, such as a worker. `record` names the kind of record.
   * Under the policy `flag`, the log says in which field a secret was stored. Errors: those of `checkUpload`.
   */
  async checkUnmarked(record: string, texts: readonly CheckedText[]): Promise<void> {
    if (this.#parts.policy === 'off') return;
    const all = JSON.stringify(texts);
    if (this.#clean.has(all)) return;
    const findings = await this.check(texts);
    if (findings !== null) this.#parts.logger.warn({ record, findings }, 'a stored text contains a secret');
    else if (all.length <= longestClean) this.#remember(all);
  }

  #remember(clean: string): void {
    this.#clean.add(clean);
    const [oldest] = this.#clean;
    if (this.#clean.size > mostClean && oldest !== undefined) this.#clean.delete(oldest);
  }

  /**
   * Throws `storage_policy` for metadata with a key that names a secret, a key or value that contains one, or a signed
   * URL. The error has the path. Applies under every policy, even under `off`. Throws `unavailable` if the metadata
   * could not be scanned.
   */
  async requireMetadata(metadata: Readonly<Record<string, unknown>> | null | undefined): Promise<void> {
    if (metadata == null) return;
    const texts: string[] = [];
    metadataViolation(metadata, (text) => {
      texts.push(text);
      return undefined;
    });
    const scanned = await this.#scan(
      texts.map((text) => ({ field: 'metadata', text })),
      false,
    );
    if (scanned.some(({ unscanned }) => unscanned !== undefined)) throw scannerUnavailable();
    const rules = new Map(texts.map((text, index) => [text, scanned[index]?.secrets[0]?.rule]));
    const violation = metadataViolation(metadata, (text) => rules.get(text));
    if (violation === undefined) return;
    const { path, message } = violation;
    throw new AppError('storage_policy', `${path} ${message}.`, { errors: [violation] });
  }

  /**
   * Throws `storage_policy` if a URL contains a secret. Applies under every policy. Throws `unavailable` if the URL could
   * not be scanned.
   */
  async requireUrl(path: string, url: string): Promise<void> {
    const [scanned] = await this.#scan([{ field: path, text: url }], false);
    if (scanned?.unscanned !== undefined) throw scannerUnavailable();
    const rule = scanned?.secrets[0]?.rule;
    if (rule !== undefined) throw storagePolicyError([{ path, message: `contains a secret (${rule})` }]);
  }

  get #isStrict(): boolean {
    return this.#parts.policy === 'reject';
  }

  /** Returns true if the texts are so short that they are scanned here, and no scan would find a secret in them. */
  #areClean(texts: readonly CheckedText[]): boolean {
    let characters = 0;
    for (const { text } of texts) {
      characters += text.length;
      if (characters > inlineBytes || mayContainSecret(this.#parts.set, text)) return false;
    }
    return true;
  }

  async #scan(texts: readonly CheckedText[], confirmed = this.#isStrict): Promise<readonly ScannedContent[]> {
    const { set, threads } = this.#parts;
    const characters = texts.reduce((sum, { text }) => sum + text.length, 0);
    if (characters <= inlineBytes) return texts.map(({ text }) => scanText(set, text, { confirmed }));
    try {
      const bytes = texts.map(({ text }) => ({ encoding: 'utf-8' as const, bytes: encoder.encode(text) }));
      const results = await threads.texts(bytes, { confirmed });
      return results.map((result) => contentOf(result));
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
      const late = unscanned.find(({ reason }) => reason === 'time');
      if (late !== undefined) throw fieldError(late.field, 'takes too long to be scanned for secrets');
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
