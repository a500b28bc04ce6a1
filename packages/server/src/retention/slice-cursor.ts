import { AppError } from '@proofhouse/core';
import { z } from 'zod';

/**
 * Encodes the position of a slice as a cursor, in base64url of JSON. Callers must not parse the cursor. It is validated
 * when a caller sends it back.
 */
export class SliceCursor<Place> {
  readonly #schema: z.ZodType<Place>;
  readonly #kind: string;

  /**
   * Each cursor contains `kind`. A cursor of another kind is refused, such as one of `verify` where `gc` is expected.
   */
  constructor(kind: string, schema: z.ZodType<Place>) {
    this.#kind = kind;
    this.#schema = schema;
  }

  write(place: Place): string {
    return Buffer.from(JSON.stringify([this.#kind, place])).toString('base64url');
  }

  /** Returns the position in the cursor. Throws `invalid_cursor` if it is malformed or of another kind. */
  read(cursor: string): Place {
    try {
      const [kind, place] = z
        .tuple([z.string(), z.unknown()])
        .parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
      if (kind === this.#kind) return this.#schema.parse(place);
    } catch {
      // The message does not say why the cursor is invalid, because in every case the caller can only begin a new run.
    }
    throw new AppError('invalid_cursor', 'The cursor was not made by this call; begin without one.');
  }
}
