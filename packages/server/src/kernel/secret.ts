import { hash, timingSafeEqual } from 'node:crypto';

/** Lower-case hex. Tokens are random, so that a plain sha256 keeps them as safe as a slow hash would. */
export function sha256Hex(text: string | Uint8Array): string {
  return hash('sha256', text, 'hex');
}

/** Compares two hashes in constant time; their lengths are no secret. */
export function sameHash(a: string, b: string): boolean {
  const left = Buffer.from(a, 'utf8');
  const right = Buffer.from(b, 'utf8');
  return left.length === right.length && timingSafeEqual(left, right);
}

/** What every worker token starts with: makes leaked ones easy to find. */
export const workerTokenPrefix = 'phw';
/** What the admin token made at first start begins with. */
export const adminTokenPrefix = 'pha';
