import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';
import type { Clock } from './clock.ts';

/** The only source of randomness; tests hand in a seeded one. */
export type RandomBytes = (count: number) => Uint8Array;

/**
 * 8 KiB drawn from the CSPRNG at a time: a draw costs a system call however small it is. Bytes are
 * handed out once and wiped.
 */
export function pooledRandomBytes(): RandomBytes {
  const pool = new Uint8Array(8192);
  let used = pool.length;
  return (count) => {
    if (used + count > pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    const bytes = pool.slice(used, used + count);
    pool.fill(0, used, used + count);
    used += count;
    return bytes;
  };
}

const base32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** Makes every identifier there is. */
export class Ids {
  readonly #clock: Clock;
  readonly #random: RandomBytes;

  constructor(clock: Clock, random: RandomBytes = pooledRandomBytes()) {
    this.#clock = clock;
    this.#random = random;
  }

  /** UUIDv7 (RFC 9562): sorts by time of making. */
  uuid(): string {
    return v7({ msecs: this.#clock.now(), random: this.#random(16) });
  }

  /** `length` characters of lower-case base32, 5 random bits each. 32 make a blob key. */
  token(length: number): string {
    let text = '';
    for (const byte of this.#random(length)) text += base32.charAt(byte & 31);
    return text;
  }

  /** 160 bits: names where a blob lies. */
  blobKey(): string {
    return this.token(32);
  }

  /** An unguessable artifact URI: 160 bits, one segment. */
  artifactUri(): string {
    return `proofhouse://artifacts/${this.token(32)}`;
  }

  /** A fencing token: 160 bits. */
  leaseId(): string {
    return this.token(32);
  }

  /** A secret with a recognisable prefix and 260 bits; never contains a colon. */
  secret(prefix: string): string {
    return `${prefix}_${this.token(52)}`;
  }
}
