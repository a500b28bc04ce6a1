import { AppError } from '@proofhouse/core';
import { z } from 'zod';

/** Reads and writes where a slice of long work begins: base64url of JSON, opaque to callers and checked when it comes back. */
export class SliceCursor<Place> {
  readonly #schema: z.ZodType<Place>;
  readonly #kind: string;

  /** `kind` tells the cursors of one kind of work from those of another. */
  constructor(kind: string, schema: z.ZodType<Place>) {
    this.#kind = kind;
    this.#schema = schema;
  }

  write(place: Place): string {
    return Buffer.from(JSON.stringify([this.#kind, place])).toString('base64url');
  }

  /** Errors: `invalid_cursor`. */
  read(cursor: string): Place {
    try {
      const [kind, place] = z
        .tuple([z.string(), z.unknown()])
        .parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
      if (kind === this.#kind) return this.#schema.parse(place);
    } catch {
      // Whatever is wrong with it, the caller can do one thing.
    }
    throw new AppError('invalid_cursor', 'The cursor was not made by this call; begin without one.');
  }
}
