/** What one request may be. Byte bodies have their own cap, `PROOFHOUSE_MAX_ARTIFACT_BYTES`. */
export const limits = {
  /** Bytes of all request headers together. */
  headerBytes: 16 * 1024,
  /** How long the headers may take to arrive, ms. */
  headersMs: 15_000,
  /** Bytes of a JSON body: the largest payload and room around it. */
  jsonBytes: 1024 * 1024,
  /** How long a whole JSON body may take, ms. */
  jsonMs: 30_000,
  /** A byte body must bring at least this many bytes in each window, or it is `request_timeout`. */
  slowBodyWindowMs: 30_000,
  slowBodyBytes: 4096,
  /** Bytes and ms that are still read after a refusal, so that the client sees the answer and no reset. */
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
