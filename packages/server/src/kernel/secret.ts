import { hash, timingSafeEqual } from 'node:crypto';

/** Returns the sha256 in lower-case hex. Tokens are random, so a plain sha256 of a token is as safe as a slow hash. */
export function sha256Hex(text: string | Uint8Array): string {
  return hash('sha256', text, 'hex');
}

/** Compares two hashes in constant time. Different lengths return early, because the length of a hash is not secret. */
export function sameHash(a: string, b: string): boolean {
  const left = Buffer.from(a, 'utf8');
  const right = Buffer.from(b, 'utf8');
  return left.length === right.length && timingSafeEqual(left, right);
}

/** The prefix of every worker token. The prefix makes leaked tokens easy to find. */
export const workerTokenPrefix = 'phw';
/** The prefix of the admin token that the first start of a server creates. */
export const adminTokenPrefix = 'pha';
/** The prefix of every token of a user. */
export const userTokenPrefix = 'phu';
