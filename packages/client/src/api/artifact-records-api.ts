import type { Artifact, HistoryEntry } from '@proofhouse/core';
import type { ByteSource } from '../transport/byte-source.ts';
import { eachItem, type CallInput, type CallOptions, type Page } from '../transport/call.ts';
import { requireSameDigest } from '../transport/digest-header.ts';
import { downloadOf, type Download } from '../download.ts';
import { FileForm } from '../file-form.ts';
import type { OperationCaller } from '../transport/operation-caller.ts';

/** The description of content that is stored elsewhere. `type`, `title` and `storageUri` are required. */
export type ArtifactRegistration = CallInput<'registerArtifact'>['body'];
/** The fields to change. An absent field keeps its value; null clears an optional one. */
export type ArtifactChanges = Omit<NonNullable<CallInput<'updateArtifact'>['body']>, 'expectedVersion'>;
export type RecordFilter = Omit<NonNullable<CallInput<'listArtifacts'>['query']>, 'cursor'>;

type UploadFields = NonNullable<CallInput<'uploadStandaloneArtifact'>['body']>;

/** An upload outside of any job. */
export interface StandaloneUpload extends Omit<UploadFields, 'tags' | 'metadata'> {
  readonly bytes: ByteSource;
  /** The name of the file, if the upload has no `name`. */
  readonly filename?: string | undefined;
  /** Size of a stream in bytes, if known. With it, the server can refuse a file that is too large before it reads the file. */
  readonly sizeBytes?: number | undefined;
  readonly tags?: readonly string[] | undefined;
  /** Values that are stored in the artifact record. At most 4 KiB as JSON. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** Called with the number of bytes sent so far, for streams only. The number starts again at 0 when the call is retried. */
  readonly onProgress?: ((sentBytes: number) => void) | undefined;
}

type FromCursor = { readonly cursor?: string | undefined };

/** Artifact records of every kind: of uploads, deposits and registrations. `ArtifactsApi` has the uploads to jobs. */
export class ArtifactRecordsApi {
  readonly #caller: OperationCaller;

  constructor(caller: OperationCaller) {
    this.#caller = caller;
  }

  /** Registers content that is stored elsewhere, by its URI. The call is retried under the same idempotency key. */
  async register(registration: ArtifactRegistration, options: CallOptions = {}): Promise<Artifact> {
    return (await this.#caller.call('registerArtifact', { body: registration, ...options })).artifact;
  }

  /**
   * Uploads an artifact outside of any job, as a streamed form. The call is retried if the connection breaks, unless
   * `bytes` is a stream object, which can be sent only once. Throws `digest_mismatch` if the server stored bytes with
   * another digest than `digest`.
   */
  async upload(upload: StandaloneUpload, options: CallOptions = {}): Promise<Artifact> {
    const { bytes, filename, sizeBytes, onProgress, tags, metadata, ...texts } = upload;
    const given = { ...texts, tags: asJson(tags), metadata: asJson(metadata) };
    const fields = Object.fromEntries(
      Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined),
    );
    // If the file part has no content type, the server derives the type from the name.
    const form = new FileForm('file', { bytes, filename, sizeBytes, onProgress, contentType: null, fields });
    const { artifact } = await this.#caller.postFile('uploadStandaloneArtifact', { body: texts, ...options }, form);
    const { digest } = upload;
    if (digest !== undefined) requireSameDigest('The server stored other bytes', digest, artifact.checksum ?? '');
    return artifact;
  }

  async get(artifactId: string, options: CallOptions = {}): Promise<Artifact> {
    return (await this.#caller.call('getArtifact', { params: { artifactId }, ...options })).artifact;
  }

  /**
   * Changes fields of a record. With `expectedVersion` the call fails with `version_conflict` if the record has another
   * version; the member `artifact` of the error's details is then the present record.
   */
  async update(
    artifactId: string,
    changes: ArtifactChanges,
    { expectedVersion, ...options }: CallOptions & { readonly expectedVersion?: number | undefined } = {},
  ): Promise<Artifact> {
    const body = expectedVersion === undefined ? changes : { ...changes, expectedVersion };
    return (await this.#caller.call('updateArtifact', { params: { artifactId }, body, ...options })).artifact;
  }

  /** Returns one page of records, newest first. At most one of `jobId`, `experimentId` and `createdBy` can be given. */
  async list(filter: RecordFilter & FromCursor = {}, options: CallOptions = {}): Promise<Page<Artifact>> {
    const { artifacts, nextCursor } = await this.#caller.call('listArtifacts', { query: filter, ...options });
    return { items: artifacts, nextCursor };
  }

  each(filter: RecordFilter = {}, options: CallOptions = {}): AsyncGenerator<Artifact, void, undefined> {
    return eachItem((cursor) => this.list({ ...filter, cursor }, options));
  }

  /** Returns one page of the history of an artifact, newest first. */
  async history(
    artifactId: string,
    page: FromCursor & { readonly limit?: number | undefined } = {},
    options: CallOptions = {},
  ): Promise<Page<HistoryEntry>> {
    return this.#caller.call('listArtifactHistory', { params: { artifactId }, query: page, ...options });
  }

  /**
   * Opens the bytes of an artifact. Resolves when the headers have arrived. The caller must read the body to its end or
   * cancel it. Throws `not_owned` with `storageUri` in its details if the content is stored elsewhere.
   */
  async content(artifactId: string, options: CallOptions = {}): Promise<Download> {
    return downloadOf(await this.#caller.openBytes('readArtifactContent', { params: { artifactId }, ...options }));
  }
}

function asJson(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}
