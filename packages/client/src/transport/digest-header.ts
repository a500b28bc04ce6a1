import { AppError, digestOf, parseDigest, type Digest } from '@proofhouse/core';

/** Returns the value of `Content-Digest` (RFC 9530) for `sha256:<hex>`: the digest in base64 between colons. */
export function contentDigestOf(digest: string): string {
  const hex = parseDigest(digest);
  const bytes = Array.from({ length: 32 }, (_, index) => Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16));
  return `sha-256=:${btoa(String.fromCharCode(...bytes))}:`;
}

/** Returns the sha-256 digest in a `Repr-Digest` or `Content-Digest` header. Returns undefined if the header has none. */
export function parseDigestHeader(header: string | null): Digest | undefined {
  const base64 = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):/.exec(header ?? '')?.[1];
  if (base64 === undefined) return undefined;
  const hex = Array.from(atob(base64), (char) => char.charCodeAt(0).toString(16).padStart(2, '0')).join('');
  return digestOf(hex);
}

/** Throws `digest_mismatch` if two digests differ. `what` is the beginning of the message. */
export function requireSameDigest(what: string, expected: string, found: string): void {
  if (parseDigest(expected) === parseDigest(found)) return;
  throw new AppError('digest_mismatch', `${what}: expected ${expected}, found ${found}. Try again.`, {
    details: { expected, found },
  });
}
