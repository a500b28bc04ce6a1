import type { IncomingMessage } from 'node:http';
import { AppError } from '@proofhouse/core';
import type { StagedBlob } from '@proofhouse/blobs';
import type { Clock } from '../../kernel/time/clock.ts';
import type { BodyDigests } from './body-digests.ts';
import { formParts } from './multipart-form.ts';

export interface DepositFormOptions<Staged extends StagedBlob> {
  readonly clock: Clock;
  readonly boundary: string;
  readonly maxBytes: number;
  readonly digests?: BodyDigests | undefined;
  readonly stage: (source: AsyncIterable<Uint8Array>) => Promise<Staged>;
}

export interface DepositForm<Staged extends StagedBlob> {
  readonly staged: Staged;
  /** The Content-Type header of the form part, verbatim. */
  readonly contentType: string | undefined;
  /** The filename of the form part, as the client sent it. */
  readonly filename: string;
}

/**
 * Reads a deposit form, which must have exactly one part: a file upload with the field name `file`. The file is staged
 * while it arrives. On any failure the staged file is discarded. Errors: `bad_request`, `artifact_too_large`,
 * `body_too_large`, `request_timeout`.
 */
export async function readDepositForm<Staged extends StagedBlob>(
  request: IncomingMessage,
  options: DepositFormOptions<Staged>,
): Promise<DepositForm<Staged>> {
  let form: DepositForm<Staged> | undefined;
  try {
    for await (const part of formParts(request, options)) {
      if (part.name !== 'file') throw wrongForm(`it has a part ${JSON.stringify(part.name)}`);
      if (form !== undefined) throw wrongForm('it has a second file');
      const { filename, contentType } = part;
      if (filename === undefined) throw wrongForm('its part "file" is no upload, for it has no filename');
      form = { staged: await options.stage(part.body), contentType, filename };
    }
    if (form === undefined) throw wrongForm('it has no part');
    return form;
  } catch (error) {
    await form?.staged.discard();
    throw error;
  }
}

function wrongForm(why: string): AppError {
  return new AppError('bad_request', `A deposit is a form with exactly one part, the upload "file": ${why}.`);
}
