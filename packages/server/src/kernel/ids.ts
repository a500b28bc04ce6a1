import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';
import type { Clock } from './time/clock.ts';

/** The only source of randomness; tests inject a seeded one. */
export type RandomBytes = (count: number) => Uint8Array;

/**
 * Draws 8 KiB from the CSPRNG at a time, because each draw costs a system call. Bytes are returned once and overwritten.
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
/** Crockford's, in lower case: the digits sort as their values do. */
const crockford = '0123456789abcdefghjkmnpqrstvwxyz';

/** Creates every identifier. */
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

  /** UUIDv7 (RFC 9562): sorts in the order of creation, also within a millisecond. */
  uuid(): string {
    const random = this.#random(16);
    const now = this.#clock.now();
    // A counter that starts at a random value in the lower half of its 32 bits (section 6.2, method 1).
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
   * A monotonic ULID: 48 bits of time and 80 random bits; the last ULID plus one where that would not sort after it. The
   * package `ulid` was rejected: it reads the system clock when the injected time is 0, throws when its increment
   * overflows, and makes ids of one millisecond consecutive, which are easy to guess.
   */
  #nextUlid(): string {
    let fresh = BigInt(this.#clock.now());
    for (const byte of this.#random(10)) fresh = (fresh << 8n) | BigInt(byte);
    this.#ulid = fresh > this.#ulid ? fresh : this.#ulid + 1n;
    const digits = this.#ulid.toString(32).padStart(26, '0');
    return digits.replaceAll(/./g, (digit) => crockford.charAt(parseInt(digit, 32)));
  }

  /** `length` characters of lower-case base32, 5 random bits each. 32 make a blob key. */
  token(length: number): string {
    let text = '';
    for (const byte of this.#random(length)) text += base32.charAt(byte & 31);
    return text;
  }

  /** 160 bits: the key under which a blob is stored. */
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
