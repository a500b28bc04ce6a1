import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';
import type { Clock } from './time/clock.ts';

/** Returns `count` random bytes. The only source of randomness; tests inject a seeded one. */
export type RandomBytes = (count: number) => Uint8Array;

/**
 * Returns a source that reads 8 KiB from the CSPRNG at a time, because each read is a system call. Each byte is
 * returned only once. Then it is overwritten in the buffer.
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
/** Digits of Crockford's base32 in lower case. The digits sort in the order of their values. */
const crockford = '0123456789abcdefghjkmnpqrstvwxyz';

/** Creates all identifiers and secrets of the server. */
export class Ids {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #random: RandomBytes;
  #madeAt = 0;
  #sequence = 0;
  #ulid = 0n;

  constructor(clock: Pick<Clock, 'now'>, random: RandomBytes = pooledRandomBytes()) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Returns a UUIDv7 (RFC 9562). Ids sort in the order of creation, also within a millisecond. */
  uuid(): string {
    const random = this.#random(16);
    const now = this.#clock.now();
    // In each new millisecond, the counter starts at a random number in the lower half of its 32 bits (RFC 9562 section
    // 6.2, method 1).
    this.#sequence =
      now > this.#madeAt ? new DataView(random.buffer, random.byteOffset).getUint32(0) >>> 1 : this.#sequence + 1;
    this.#madeAt = Math.max(now, this.#madeAt);
    return v7({ msecs: this.#madeAt, seq: this.#sequence, random });
  }

  experimentId(): string {
    return `exp_${this.#nextUlid()}`;
  }

  registeredWorkerId(): string {
    return `wkr_${this.#nextUlid()}`;
  }

  groupId(): string {
    return `grp_${this.#nextUlid()}`;
  }

  /**
   * Returns a monotonic ULID: 48 bits of time and 80 random bits. If it would not sort after the last ULID, returns the
   * last one plus one.
   *
   * The package `ulid` was rejected for three reasons. It reads the system clock if the injected time is 0. It throws
   * if its increment overflows. Its consecutive ids within a millisecond are easy to guess.
   */
  #nextUlid(): string {
    let fresh = BigInt(this.#clock.now());
    for (const byte of this.#random(10)) fresh = (fresh << 8n) | BigInt(byte);
    this.#ulid = fresh > this.#ulid ? fresh : this.#ulid + 1n;
    const digits = this.#ulid.toString(32).padStart(26, '0');
    return digits.replaceAll(/./g, (digit) => crockford.charAt(parseInt(digit, 32)));
  }

  /** Returns `length` characters of lower-case base32, with 5 random bits each. */
  token(length: number): string {
    let text = '';
    for (const byte of this.#random(length)) text += base32.charAt(byte & 31);
    return text;
  }

  /** Returns the key under which a blob is stored, with 160 random bits. */
  blobKey(): string {
    return this.token(32);
  }

  /** Returns an artifact URI that cannot be guessed. It has 160 random bits in one path segment. */
  artifactUri(): string {
    return `proofhouse://artifacts/${this.token(32)}`;
  }

  /** Returns the id of a lease, which is its fencing token, with 160 random bits. */
  leaseId(): string {
    return this.token(32);
  }

  /** Returns a secret with a recognisable prefix and 260 random bits. It never contains a colon. */
  secret(prefix: string): string {
    return `${prefix}_${this.token(52)}`;
  }
}
