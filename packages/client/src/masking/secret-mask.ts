import { readFile } from 'node:fs/promises';
import {
  AppError,
  compileSecrets,
  knownValues,
  MaskingStream,
  maskPlaceholder,
  maskText,
  namesSecretNumber,
  SecretScan,
  secretNames,
  secretRules,
  type KnownValue,
  type MaskingReceipt,
  type SecretSet,
} from '@proofhouse/core';
import type { MaskFile } from './mask-file.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Replaces a text that could not be masked. */
const withheldText = '(withheld: masking failed)';
/**
 * The rules for contents that are not text. Rules of the class `generic` are omitted, because their patterns match by
 * chance in such contents. The array is a constant, because each array of rules is compiled once.
 */
const binaryRules = secretRules.filter((rule) => rule.class !== 'generic');
/** Largest secret file in bytes. */
const maxSecretFileBytes = 1024 * 1024;

export interface SecretMaskOptions {
  /**
   * The environment of the worker. The values of variables with secret names, and passwords in URLs, become known
   * values.
   */
  readonly env?: Environment | undefined;
  /** Globs for names of other variables that contain secrets. */
  readonly names?: readonly string[] | undefined;
  /** Other known values, such as the token of the worker. */
  readonly values?: readonly KnownValue[] | undefined;
}

/**
 * Thrown if masking is not possible, for example because the mask file cannot be read. Unmasked text must then not be
 * sent.
 */
export class MaskFailure extends Error {
  static of(error: unknown): MaskFailure {
    if (error instanceof MaskFailure) return error;
    const reason = error instanceof Error ? error.message : String(error);
    return new MaskFailure(`masking failed: ${reason}`, { cause: error });
  }
}

/** Masks a stream of bytes. The result does not depend on how the bytes are divided into pieces. */
export interface ByteMask {
  write(piece: Uint8Array): Uint8Array;
  /** Returns the remaining masked bytes. They were held back because they could be the beginning of a secret. */
  end(): Uint8Array;
  readonly receipt: MaskingReceipt;
}

/**
 * Masks known values, and secrets of known formats, in everything that leaves this machine. Known values can be added
 * at any time, by `add` or in the mask file.
 */
export class SecretMask {
  /** Names of the variables whose values are too short to be masked. */
  readonly tooShort: readonly string[];
  readonly #base: readonly KnownValue[];
  /**
   * The mask files. They are read again before each use, because other processes append values. The number says how
   * many values of the file this mask already has.
   */
  readonly #files = new Map<MaskFile, number>();
  readonly #added = new Map<string, KnownValue>();
  #set: SecretSet | undefined;
  #binarySet: SecretSet | undefined;

  constructor({ env = {}, names = [], values = [] }: SecretMaskOptions = {}) {
    const known = knownValues(env, { names: [...secretNames, ...names] });
    this.tooShort = known.skipped.flatMap(({ name, reason }) => (reason === 'too-short' ? [name] : []));
    this.#base = [...known.values, ...values];
  }

  /** Returns a mask with the values of this mask and `more`. A later `add` to one mask does not change the other. */
  with(more: readonly KnownValue[] = []): SecretMask {
    const mask = new SecretMask({ values: [...this.#values, ...more] });
    for (const file of this.#files.keys()) mask.follow(file);
    if (more.length === 0) mask.#set = this.#set;
    return mask;
  }

  /** Adds the values of a mask file. Values that other processes append later are added too. */
  follow(file: MaskFile): void {
    this.#files.set(file, 0);
  }

  /** Adds a known value. It is masked from now on. This includes bytes that a `ByteMask` still holds back. */
  add(value: string, name = 'added'): void {
    if (this.#added.has(value)) return;
    this.#added.set(value, { name, value });
    this.#set = undefined;
    this.#binarySet = undefined;
  }

  /**
   * Returns the compiled rules and known values for text. Throws a MaskFailure if a followed mask file cannot be read.
   */
  set(): SecretSet {
    try {
      this.#readFiles();
      this.#set ??= compileSecrets({ values: this.#values, rules: secretRules });
      return this.#set;
    } catch (error) {
      throw MaskFailure.of(error);
    }
  }

  /** Returns the compiled rules and known values for contents that are not text. */
  binarySet(): SecretSet {
    this.set();
    this.#binarySet ??= compileSecrets({ values: this.#values, rules: binaryRules });
    return this.#binarySet;
  }

  /** Returns the masked text. Never throws: if masking fails, it returns `withheldText` instead. */
  text(text: string): string {
    try {
      return maskText(this.set(), text).text;
    } catch {
      return withheldText;
    }
  }

  /** Returns true if a text contains a secret. Throws if masking fails. */
  finds(text: string): boolean {
    const scan = new SecretScan(this.set());
    scan.write(new TextEncoder().encode(text));
    return scan.end().findings.length > 0;
  }

  /** Returns a JSON value with all its texts masked. A long number whose key names a secret becomes the placeholder. */
  json<Value>(value: Value): Value {
    const replaced = (key: string, item: unknown): unknown => {
      return typeof item === 'number' && isSecretNumber(key, item) ? maskPlaceholder : item;
    };
    // The result is undefined for a value that JSON cannot hold, such as undefined.
    const text = JSON.stringify(value, replaced) as string | undefined;
    if (text === undefined) return value;
    // First masks each text separately. JSON escapes texts, so a text that already contains an escaped secret would
    // otherwise be escaped twice.
    const ofTexts = this.#maskedTexts(JSON.parse(text));
    const textOfTexts = JSON.stringify(ofTexts);
    const masked = this.text(textOfTexts);
    if (masked === JSON.stringify(value)) return value;
    try {
      return JSON.parse(masked) as Value;
    } catch {
      return this.#maskedPart(ofTexts) as Value;
    }
  }

  /** Starts to mask a stream. If a value is added during the stream, it is masked from that moment on. */
  stream(): ByteMask {
    let set = this.set();
    const stream = new MaskingStream(set);
    const renewed = (): MaskingStream => {
      const newest = this.set();
      if (newest !== set) stream.replaceSet(newest);
      set = newest;
      return stream;
    };
    return {
      write: (piece) => renewed().write(piece),
      end: () => renewed().end(),
      get receipt() {
        return stream.receipt;
      },
    };
  }

  get #values(): readonly KnownValue[] {
    return [...this.#base, ...this.#added.values()];
  }

  #readFiles(): void {
    for (const [file, added] of this.#files) {
      file.read();
      if (file.values.size === added) continue;
      for (const value of file.values) this.add(value);
      this.#files.set(file, file.values.size);
    }
  }

  #maskedTexts(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((item) => this.#maskedTexts(item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [this.text(key), this.#maskedTexts(item)]));
  }

  /**
   * Masks each item of a JSON value separately. Used if the masked JSON text is no longer JSON, because a number in it
   * was replaced.
   */
  #maskedPart(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((item) => this.#maskedPart(item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => {
        const pair = JSON.stringify({ [key]: item as unknown });
        const isWhole = typeof item === 'object' || this.text(pair) === pair;
        return [this.text(key), isWhole ? this.#maskedPart(item) : maskPlaceholder];
      }),
    );
  }
}

/** Returns true for a number that is as long as a secret and whose key names a secret. Shorter numbers are settings. */
function isSecretNumber(key: string, number: number): boolean {
  return Math.abs(number) >= 100_000 && namesSecretNumber(key);
}

/** Returns false for a value that is too short to be masked. */
export function canMask(value: string): boolean {
  return maskText(compileSecrets({ values: [{ name: '', value }] }), value).text !== value;
}

/** Reads files whose whole content is a secret, such as mounted secrets. */
export async function readSecretFiles(paths: readonly string[]): Promise<KnownValue[]> {
  const values: KnownValue[] = [];
  for (const path of paths) {
    const value = await readFile(path, 'utf8');
    if (Buffer.byteLength(value) > maxSecretFileBytes) {
      throw new AppError(
        'invalid_request',
        `${path} is too large for a secret: it may have ${maxSecretFileBytes} bytes.`,
      );
    }
    values.push({ name: path, value });
  }
  return values;
}
