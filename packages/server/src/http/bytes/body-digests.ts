import { createHash } from 'node:crypto';
import { AppError } from '@proofhouse/core';
import { parseDictionary } from 'structured-headers';

type Algorithm = 'sha256' | 'sha512' | 'md5';

/**
 * Supported algorithm names of RFC 9530 and of `Digest` (RFC 3230), in lower case. Digests with other names are ignored, as
 * both RFCs require.
 */
const algorithms: Readonly<Record<string, Algorithm>> = { 'sha-256': 'sha256', 'sha-512': 'sha512', md5: 'md5' };
const digestBytes: Readonly<Record<Algorithm, number>> = { sha256: 32, sha512: 64, md5: 16 };

/** Headers by lower-case name. The values of a repeated header are joined by commas. */
export type DigestHeaders = Readonly<Record<string, string | string[] | undefined>>;

/**
 * The digests that the headers declare for a body: `Content-Digest` and `Repr-Digest` (RFC 9530), `Digest` (RFC 3230)
 * and `Content-MD5` (RFC 1864). `Content-Digest` and `Repr-Digest` are the same here, because bodies with a content
 * coding or a range are refused.
 */
export class BodyDigests {
  readonly #expected = new Map<Algorithm, Buffer>();

  /** Throws `invalid_digest` when a digest cannot be parsed, or when two digests of one algorithm differ. */
  constructor(headers: DigestHeaders) {
    for (const name of ['content-digest', 'repr-digest'] as const) {
      if (headers[name] !== undefined) this.#takeDictionary(name, String(headers[name]));
    }
    if (headers['digest'] !== undefined) this.#takeList(String(headers['digest']));
    const md5 = headers['content-md5'];
    if (md5 !== undefined) this.#take('content-md5', 'md5', Buffer.from(String(md5), 'base64'), String(md5).trim());
  }

  /**
   * Returns the declared sha256 in lower-case hex and removes it, so that `checked` does not compare it. Returns
   * undefined if none was declared. Used by callers that compare the sha256 of the body themselves.
   */
  takeSha256(): string | undefined {
    const expected = this.#expected.get('sha256')?.toString('hex');
    this.#expected.delete('sha256');
    return expected;
  }

  /** Yields the bytes of `body` unchanged. Throws `digest_mismatch` after the last byte when a declared digest differs. */
  checked(body: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
    return this.#expected.size === 0 ? body : this.#check(body);
  }

  async *#check(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    const hashes = [...this.#expected].map(([name, expected]) => ({ name, expected, hash: createHash(name) }));
    for await (const chunk of body) {
      for (const { hash } of hashes) hash.update(chunk);
      yield chunk;
    }
    for (const { name, expected, hash } of hashes) {
      const actual = hash.digest();
      if (actual.equals(expected)) continue;
      throw new AppError('digest_mismatch', `The bytes have another ${name} than the headers say.`, {
        details: { expected: `${name}:${expected.toString('hex')}`, actual: `${name}:${actual.toString('hex')}` },
      });
    }
  }

  #takeDictionary(header: string, text: string): void {
    let dictionary: ReturnType<typeof parseDictionary>;
    try {
      dictionary = parseDictionary(text);
    } catch {
      throw unreadable(header);
    }
    for (const [key, [value]] of dictionary) {
      const algorithm = Object.hasOwn(algorithms, key) ? algorithms[key] : undefined;
      if (algorithm === undefined) continue;
      const bytes = value as unknown;
      if (!(bytes instanceof ArrayBuffer || bytes instanceof Uint8Array)) throw unreadable(header);
      const digest = Buffer.from(bytes as ArrayBuffer);
      // Only sha-256 must be supported. A digest of another algorithm is ignored if its length is wrong.
      if (algorithm !== 'sha256' && digest.length !== digestBytes[algorithm]) continue;
      this.#take(header, algorithm, digest);
    }
  }

  #takeList(text: string): void {
    for (const member of text.split(',')) {
      const [, name = '', value = ''] = /^\s*([^=\s]+)\s*=\s*(\S+)\s*$/.exec(member) ?? [];
      if (name === '') throw unreadable('digest');
      const key = name.toLowerCase();
      const algorithm = Object.hasOwn(algorithms, key) ? algorithms[key] : undefined;
      if (algorithm !== undefined) this.#take('digest', algorithm, Buffer.from(value, 'base64'), value);
    }
  }

  /**
   * Records one declared digest. `base64` is the text from which `bytes` were decoded. It is compared with the text
   * that `bytes` encode to, because Node's decoder skips invalid characters.
   */
  #take(header: string, algorithm: Algorithm, bytes: Buffer, base64?: string): void {
    if (bytes.length !== digestBytes[algorithm]) throw unreadable(header);
    if (base64 !== undefined && bytes.toString('base64') !== base64) throw unreadable(header);
    const other = this.#expected.get(algorithm);
    if (other !== undefined && !other.equals(bytes)) throw unreadable(header);
    this.#expected.set(algorithm, bytes);
  }
}

const forms: Readonly<Record<string, string>> = {
  'content-digest': 'Content-Digest must be "sha-256=:<base64 of 32 bytes>:" (RFC 9530).',
  'repr-digest': 'Repr-Digest must be "sha-256=:<base64 of 32 bytes>:" (RFC 9530).',
  digest: 'Digest must be "SHA-256=<base64 of 32 bytes>" (RFC 3230).',
  'content-md5': 'Content-MD5 must be the base64 of 16 bytes (RFC 1864).',
};

function unreadable(header: string): AppError {
  const message = `${forms[header] ?? 'It must be a digest.'} Two digests of one algorithm must agree.`;
  return new AppError('invalid_digest', message, { errors: [{ path: header, message: 'cannot be read' }] });
}
