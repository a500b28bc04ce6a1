/** Limits of one request. Byte bodies have their own limit, `PROOFHOUSE_MAX_ARTIFACT_BYTES`. */
export const limits = {
  /** Bytes of all request headers together. */
  headerBytes: 16 * 1024,
  /** Milliseconds within which the headers must arrive. */
  headersMs: 15_000,
  /** Bytes of a JSON body: the largest payload and the fields around it. */
  jsonBytes: 1024 * 1024,
  /** Milliseconds within which a whole JSON body must arrive. */
  jsonMs: 30_000,
  /** A byte body must bring at least this many bytes in each window; otherwise the error is `request_timeout`. */
  slowBodyWindowMs: 30_000,
  slowBodyBytes: 4096,
  /**
   * Bytes and milliseconds that are still read after a refusal, so that the client reads the answer instead of getting a
   * reset.
   */
  drainBytes: 1024 * 1024,
  drainMs: 2000,
  /** Parts of a form, bytes of one text field and of one field name, headers of one part. */
  formParts: 24,
  formFieldBytes: 64 * 1024,
  formNameBytes: 100,
  formHeaderPairs: 32,
  /** Bytes of the headers of one part. */
  formHeaderBytes: 16 * 1024,
} as const;
