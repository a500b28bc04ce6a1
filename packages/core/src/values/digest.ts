import { AppError } from '../app-error.ts';

/** A sha256 digest in the format of the whole API: `sha256:` and 64 lower-case hex digits. */
export type Digest = `sha256:${string}`;

export function digestOf(sha256Hex: string): Digest {
  return `sha256:${sha256Hex}`;
}

/** Parses `sha256:<64 hex>`, hex in any case, and returns lower-case hex. Throws `invalid_digest` for other formats. */
export function parseDigest(text: string): string {
  const match = /^sha256:([0-9a-f]{64})$/i.exec(text.trim());
  if (match?.[1] === undefined) {
    throw new AppError('invalid_digest', 'A digest is written "sha256:" followed by 64 hexadecimal digits.', {
      errors: [{ path: 'digest', message: 'expected sha256:<64 hex digits>' }],
    });
  }
  return match[1].toLowerCase();
}
