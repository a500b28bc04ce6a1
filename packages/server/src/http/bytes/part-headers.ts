import { AppError } from '@proofhouse/core';
import { parse as parseDisposition } from 'content-disposition';
import { BodyDigests } from './body-digests.ts';
import { isCoded } from './body-headers.ts';
import { malformedForm } from './form-splitter.ts';
import { limits } from '../limits.ts';

/** The headers of one part of a form (RFC 7578) that the server uses. */
export interface PartHeaders {
  readonly name: string;
  /** The filename of a file upload, which may be empty. Undefined for a text field. */
  readonly filename: string | undefined;
  /** The Content-Type header of the part, verbatim, with its parameters. */
  readonly contentType: string | undefined;
  /** The digests that the headers of the part declare for its bytes. */
  readonly digests: BodyDigests;
}

const fieldName = /^[\x21-\x39\x3b-\x7e]+$/;

/**
 * Parses the headers of a form part. `block` is the bytes between the boundary and the empty line that ends the headers.
 * Errors: `bad_request`, `invalid_digest`, `unsupported_media_type`.
 */
export function parsePartHeaders(block: Buffer): PartHeaders {
  const headers = linesByName(block.toString('latin1'));
  const disposition = headers.get('content-disposition');
  if (disposition === undefined) throw malformedForm('a part has no Content-Disposition');
  if (repeats(disposition)) throw malformedForm('a Content-Disposition says something twice');
  const { name, filename } = dispositionOf(disposition);
  if (name === undefined || name.length > limits.formNameBytes) throw malformedForm('a part has no usable name');
  requirePlain(headers);
  const contentType = headers.get('content-type');
  const digests = new BodyDigests(Object.fromEntries(headers));
  return { name, filename, contentType: contentType === undefined ? undefined : utf8(contentType), digests };
}

const plainEncodings: ReadonlySet<string> = new Set(['7bit', '8bit', 'binary']);

/**
 * Throws when the bytes of a part are not the plain content: when they have a Content-Transfer-Encoding (RFC 7578 section
 * 4.7) or a Content-Encoding, or are only a range. Errors: `unsupported_media_type`, `bad_request`.
 */
function requirePlain(headers: ReadonlyMap<string, string>): void {
  const encoding = headers.get('content-transfer-encoding')?.trim().toLowerCase() ?? '8bit';
  if (!plainEncodings.has(encoding)) {
    const message = 'A part with a Content-Transfer-Encoding is not decoded; send its bytes as they are.';
    throw new AppError('unsupported_media_type', message);
  }
  if (isCoded(headers.get('content-encoding'))) {
    throw new AppError('unsupported_media_type', 'A part with a Content-Encoding is not decoded; send it plain.');
  }
  if (headers.has('content-range')) throw malformedForm('a part is only a piece of a file (Content-Range)');
}

function linesByName(block: string): Map<string, string> {
  const [padding = '', ...lines] = block.split('\r\n');
  if (!/^[ \t]*$/.test(padding)) throw malformedForm('a boundary line has more than the boundary');
  const headers = new Map<string, string>();
  let name: string | undefined;
  let count = 0;
  // A part without headers has an empty `block`. The loop then has no iteration.
  for (const line of lines) {
    if (/[\r\n]/.test(line)) throw malformedForm('a header of a part has a bare line break');
    if (name !== undefined && /^[ \t]/.test(line)) {
      headers.set(name, `${headers.get(name) ?? ''}${line}`);
      continue;
    }
    const colon = line.indexOf(':');
    if (!fieldName.test(line.slice(0, Math.max(colon, 0)))) throw malformedForm('a header of a part cannot be read');
    name = line.slice(0, colon).toLowerCase();
    count += 1;
    if (count > limits.formHeaderPairs) throw malformedForm('a part has too many headers');
    if (single.has(name) && headers.has(name)) throw malformedForm(`a part has two ${name} headers`);
    headers.set(name, line.slice(colon + 1).replace(/^[ \t]/, ''));
  }
  return headers;
}

const single: ReadonlySet<string> = new Set([
  'content-disposition',
  'content-type',
  'content-transfer-encoding',
  'content-encoding',
  'content-md5',
]);

function dispositionOf(disposition: string): { name?: string; filename?: string } {
  let parsed: ReturnType<typeof parseDisposition>;
  try {
    parsed = parseDisposition(utf8(disposition), { multipart: true });
  } catch {
    throw malformedForm('a Content-Disposition cannot be read');
  }
  if (parsed.type !== 'form-data') throw malformedForm('a part is not form-data');
  return parsed.parameters;
}

// Returns true if a Content-Disposition header has two names or two filenames. The server must refuse such a header,
// because a proxy in front of it may have used the other value.
function repeats(disposition: string): boolean {
  const unquoted = disposition.replace(/"[^"]*"?/g, '');
  return /;\s*(name|filename)\s*=[^]*;\s*\1\s*=/i.test(unquoted);
}

// Decodes a header value as UTF-8, which browsers send. The lines of the headers were decoded as Latin-1, which keeps
// all bytes.
function utf8(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8');
}
