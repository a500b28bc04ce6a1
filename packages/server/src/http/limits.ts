/**
 * Limits of one request. A body that is the bytes of an artifact has its own limit, `PROOFHOUSE_MAX_ARTIFACT_BYTES`.
 */
export const limits = {
  /** Largest size of all request headers together, in bytes. */
  headerBytes: 16 * 1024,
  /** Milliseconds within which the headers must arrive. */
  headersMs: 15_000,
  /** Largest JSON body in bytes. The largest job payload fits together with the other fields of its request. */
  jsonBytes: 1024 * 1024,
  /** Milliseconds within which a whole JSON body must arrive. */
  jsonMs: 30_000,
  /**
   * At least `slowBodyBytes` of a byte body must arrive in every `slowBodyWindowMs`. Otherwise the request fails with
   * `request_timeout`.
   */
  slowBodyWindowMs: 30_000,
  slowBodyBytes: 4096,
  /**
   * After a refusal the server reads at most `drainBytes` more bytes for at most `drainMs` milliseconds. An immediate close
   * would reset the connection, and the client would lose the answer.
   */
  drainBytes: 1024 * 1024,
  drainMs: 2000,
  /**
   * Limits of a form, in this order: its parts, the bytes of one text field, the bytes of one field name, and the
   * headers of one part.
   */
  formParts: 24,
  formFieldBytes: 64 * 1024,
  formNameBytes: 100,
  formHeaderPairs: 32,
  /** Largest size of all headers of one part together, in bytes. */
  formHeaderBytes: 16 * 1024,
} as const;
