import { AppError, baseName, type ArtifactType, type JobArtifact } from '@proofhouse/core';
import type { ByteSource } from '../transport/byte-source.ts';
import { eachItem, type CallOptions, type Page } from '../transport/call.ts';
import { contentDigestOf, requireSameDigest } from '../transport/digest-header.ts';
import { downloadOf, type Download } from '../download.ts';
import { FileForm } from '../file-form.ts';
import type { OperationCaller } from '../transport/operation-caller.ts';

export interface ArtifactUpload {
  /** Relative artifact name in the job, such as `reports/unit.xml`. */
  readonly name: string;
  readonly bytes: ByteSource;
  readonly contentType?: string | undefined;
  /**
   * Expected digest, as `sha256:<hex>`. The server refuses bytes with another digest. The client also compares this
   * digest with the one in the answer.
   */
  readonly digest?: string | undefined;
  /**
   * Size of a stream in bytes, if known. With it, the server can refuse a file that is too large before it reads any
   * byte.
   */
  readonly sizeBytes?: number | undefined;
  readonly type?: ArtifactType | undefined;
  readonly title?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  /** Values that are stored in the artifact record. At most 4 KiB as JSON. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /**
   * Called for streams only, with the number of bytes sent so far. If the call is retried, the number starts again at
   * 0.
   */
  readonly onProgress?: ((sentBytes: number) => void) | undefined;
}

export interface ArtifactForm {
  readonly name: string;
  readonly file: Blob;
  readonly contentType?: string | undefined;
  readonly digest?: string | undefined;
  readonly type?: ArtifactType | undefined;
  readonly title?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

export interface ArtifactFilter {
  readonly name?: string | undefined;
  /** Largest number of artifacts in one page. */
  readonly limit?: number | undefined;
}

export class ArtifactsApi {
  readonly #caller: OperationCaller;

  constructor(caller: OperationCaller) {
    this.#caller = caller;
  }

  /**
   * Uploads one artifact. Without tags and metadata, the body of the request is the bytes. With them, it is a streamed
   * form, because only a form can contain them. The call is retried if the connection breaks. The exception is a stream
   * object as `bytes`, which can be sent only once.
   */
  async upload(jobId: string, upload: ArtifactUpload, options: CallOptions = {}): Promise<JobArtifact> {
    if (upload.tags !== undefined || upload.metadata !== undefined) return this.#uploadAsForm(jobId, upload, options);
    const { name, type, title, digest } = upload;
    const headers = {
      ...(upload.contentType === undefined ? {} : { 'content-type': upload.contentType }),
      ...(digest === undefined ? {} : { 'content-digest': contentDigestOf(digest) }),
      ...(upload.sizeBytes === undefined ? {} : { 'content-length': String(upload.sizeBytes) }),
    };
    const artifact = await this.#caller.putBytes(
      { params: { jobId, name }, query: { type, title }, ...options },
      { bytes: upload.bytes, headers, onProgress: upload.onProgress },
    );
    return checked(artifact, digest);
  }

  async #uploadAsForm(jobId: string, upload: ArtifactUpload, options: CallOptions): Promise<JobArtifact> {
    const { name, contentType, digest, type, title, tags, metadata, ...file } = upload;
    const given = { name, contentType, digest, type, title, tags: asJson(tags), metadata: asJson(metadata) };
    const fields = Object.fromEntries(
      Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined),
    );
    // The file part has no content type, so that the server derives the type from the artifact name.
    const form = new FileForm('file', { ...file, contentType: null, filename: baseName(name), fields });
    const input = { params: { jobId }, body: { name }, ...options };
    return checked(await this.#caller.postFile('uploadArtifact', input, form), digest);
  }

  /** Uploads one artifact as a form in memory, for browsers that cannot send streams. */
  async uploadForm(jobId: string, upload: ArtifactForm, options: CallOptions = {}): Promise<JobArtifact> {
    const form = new FormData();
    for (const field of ['name', 'contentType', 'digest', 'type', 'title'] as const) {
      const value = upload[field];
      if (value !== undefined) form.set(field, value);
    }
    if (upload.tags !== undefined) form.set('tags', JSON.stringify(upload.tags));
    if (upload.metadata !== undefined) form.set('metadata', JSON.stringify(upload.metadata));
    form.set('file', upload.file, upload.name.slice(upload.name.lastIndexOf('/') + 1));
    const input = { params: { jobId }, body: { name: upload.name }, ...options };
    return checked(await this.#caller.postForm(input, form, upload.file.size), upload.digest);
  }

  /** Returns one page of the artifacts of a job, newest first. A name may occur several times, once for each upload. */
  async list(
    jobId: string,
    filter: ArtifactFilter & { readonly cursor?: string | undefined } = {},
    options: CallOptions = {},
  ): Promise<Page<JobArtifact>> {
    return this.#caller.call('listJobArtifacts', { params: { jobId }, query: filter, ...options });
  }

  each(
    jobId: string,
    filter: ArtifactFilter = {},
    options: CallOptions = {},
  ): AsyncGenerator<JobArtifact, void, undefined> {
    return eachItem((cursor) => this.list(jobId, { ...filter, cursor }, options));
  }

  /** Returns the newest artifact of this name in the job. Throws `artifact_not_found` if the job has none. */
  async newest(jobId: string, name: string, options: CallOptions = {}): Promise<JobArtifact> {
    for await (const artifact of this.each(jobId, { name, limit: 1 }, options)) return artifact;
    throw new AppError('artifact_not_found', `Job ${jobId} has no artifact named ${JSON.stringify(name)}.`);
  }

  /** Resolves when the headers have arrived. The caller must read the body to its end or cancel it. */
  async download(jobId: string, artifactId: string, options: CallOptions = {}): Promise<Download> {
    return downloadOf(await this.#caller.openBytes('downloadArtifact', { params: { jobId, artifactId }, ...options }));
  }
}

function asJson(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}

function checked(artifact: JobArtifact, digest: string | undefined): JobArtifact {
  if (digest !== undefined)
    requireSameDigest(`The server stored other bytes as ${artifact.name}`, digest, artifact.digest);
  return artifact;
}
