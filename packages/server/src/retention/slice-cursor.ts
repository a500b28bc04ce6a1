import { AppError } from '@proofhouse/core';
import { z } from 'zod';

/** Encodes the start of a slice as a cursor: base64url of JSON, opaque to callers and validated when it is read. */
export class SliceCursor<Place> {
  readonly #schema: z.ZodType<Place>;
  readonly #kind: string;

  /** `kind` distinguishes the cursors of different work. */
  constructor(kind: string, schema: z.ZodType<Place>) {
    this.#kind = kind;
    this.#schema = schema;
  }

  write(place: Place): string {
    return Buffer.from(JSON.stringify([this.#kind, place])).toString('base64url');
  }

  /** Throws `invalid_cursor`. */
  read(cursor: string): Place {
    try {
      const [kind, place] = z
        .tuple([z.string(), z.unknown()])
        .parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
      if (kind === this.#kind) return this.#schema.parse(place);
    } catch {
      // The caller can only begin again, so the reason is not in the message.
    }
    throw new AppError('invalid_cursor', 'The cursor was not made by this call; begin without one.');
  }
}
