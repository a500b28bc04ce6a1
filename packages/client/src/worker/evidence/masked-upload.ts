import { tmpdir } from 'node:os';
import { AppError, type ArtifactType, type JobArtifact, type MaskingReceipt } from '@proofhouse/core';
import type { CallOptions } from '../../transport/call.ts';
import { maskContent, type ContentUse } from '../../masking/mask-content.ts';
import type { Content } from '../../masking/scan-content.ts';
import type { SecretMask } from '../../masking/secret-mask.ts';
import type { ProofhouseClient } from '../../proofhouse-client.ts';
import { EvidenceFile } from './evidence-file.ts';
import { metadataWithReceipt } from './receipt-metadata.ts';

/** The fields of an artifact record that the uploader chooses, and the callback for progress. */
export interface ArtifactAbout {
  /** Name of the artifact in the job. */
  readonly name: string;
  readonly type?: ArtifactType | undefined;
  readonly title?: string | undefined;
  readonly contentType?: string | undefined;
  /** Values that are stored in the artifact record. At most 4 KiB as JSON. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** Called with 0 and the size before the first byte is sent, and then with the number of bytes sent so far. */
  readonly onProgress?: ((sentBytes: number, sizeBytes: number) => void) | undefined;
}

export interface DepositContent extends Content {
  /**
   * What may be done with the content. `text` is masked. `exact` is scanned for secrets and never changed. For
   * `detect`, the default, the bytes decide.
   */
  readonly use?: ContentUse | undefined;
  /** Receipt of an earlier masking of the same content. It is added to the receipt in the metadata. */
  readonly masked?: MaskingReceipt | undefined;
}

export interface UploadMasking {
  /** The mask for secrets. Undefined to send everything unchanged. */
  readonly mask: SecretMask | undefined;
  /** True to send contents that are not text without a scan for secrets. Default: false. */
  readonly allowBinary?: boolean | undefined;
  /** Folder for temporary files. Default: the temporary folder of the system. */
  readonly scratch?: string | undefined;
}

/** An uploaded artifact, with what was masked in it. Also one line for each part that was not scanned. */
export interface MaskedUpload {
  readonly artifact: JobArtifact;
  readonly receipt: MaskingReceipt;
  readonly unscanned: readonly string[];
}

/**
 * Masks a content and uploads it with the digest of the masked bytes, so that the server stores exactly these bytes.
 * Also masks the title, the content type and the metadata. The content is read three times, and once more for each
 * retry. Rejects if masking fails. Rejects with `secret_found` if a secret is in the name, or in a content that is not
 * text.
 */
export async function uploadMasked(
  client: ProofhouseClient,
  jobId: string,
  about: ArtifactAbout,
  { use = 'detect', masked, ...content }: DepositContent,
  { signal = new AbortController().signal, ...options }: CallOptions & { readonly masking: UploadMasking },
): Promise<MaskedUpload> {
  const { masking, ...call } = options;
  const { mask, allowBinary = false, scratch = tmpdir() } = masking;
  requireCleanName(about.name, mask);
  const { unscanned, receipt, ...bytes } = await maskContent(content, use, { mask, allowBinary, scratch, signal });
  const metadata = metadataWithReceipt(mask?.json(about.metadata) ?? about.metadata, [masked, receipt]);
  const { title, contentType } = about;
  const texts = { title: title && mask?.text(title), contentType: contentType && mask?.text(contentType) };
  const upload = { ...about, ...(mask === undefined ? {} : texts), metadata, ...bytes };
  const artifact = await uploadMeasured(client, jobId, upload, { ...call, signal });
  return { artifact, receipt, unscanned };
}

/**
 * Uploads a file as `uploadMasked` does. If the file grows during the upload, only the bytes that it had at the start
 * are sent.
 */
export async function uploadFile(
  client: ProofhouseClient,
  jobId: string,
  { path, ...about }: ArtifactAbout & { readonly path: string },
  options: CallOptions & { readonly masking: UploadMasking },
): Promise<MaskedUpload> {
  const file = await EvidenceFile.open(path);
  try {
    return await uploadMasked(client, jobId, about, { read: () => file.read(), random: file }, options);
  } finally {
    await file.close();
  }
}

/** Throws `secret_found` if the name of a file contains a secret. */
export function requireCleanName(name: string, mask: SecretMask | undefined): void {
  if (mask?.finds(name) === true) throw new AppError('secret_found', 'its name contains a secret');
}

/** Bytes whose size and digest are known. `read` is called once, and once more for each retry. */
interface MeasuredBytes {
  readonly read: () => AsyncIterable<Uint8Array>;
  /** As `sha256:<hex>`. */
  readonly digest: string;
  readonly sizeBytes: number;
}

/** Uploads bytes whose digest is known. The server refuses bytes with another digest. */
async function uploadMeasured(
  client: ProofhouseClient,
  jobId: string,
  { read, digest, sizeBytes, onProgress, ...about }: ArtifactAbout & MeasuredBytes,
  options: CallOptions = {},
): Promise<JobArtifact> {
  onProgress?.(0, sizeBytes);
  return client.artifacts.upload(
    jobId,
    {
      ...about,
      digest,
      sizeBytes,
      bytes: sizeBytes === 0 ? new Uint8Array() : read,
      onProgress: (sent) => onProgress?.(sent, sizeBytes),
    },
    options,
  );
}
