import { Mismatch } from './mismatch.ts';

/** A parsed JSON object. */
export type Document = Readonly<Record<string, unknown>>;

/** One answer with the request that caused it, so that a report can name both. */
export class Answer {
  /** The request line (`POST /v0/…`), without credentials. */
  readonly request: string;
  /** The requested URL. */
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;

  constructor(parts: { request: string; url: string; status: number; headers: Headers; bytes: Buffer }) {
    this.request = parts.request;
    this.url = parts.url;
    this.status = parts.status;
    this.headers = parts.headers;
    this.bytes = parts.bytes;
  }

  get text(): string {
    return this.bytes.toString('utf8');
  }

  header(name: string): string {
    return this.headers.get(name) ?? '';
  }

  /** Returns the JSON object in the body. */
  document(): Document {
    try {
      const value: unknown = JSON.parse(this.text);
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Document;
    } catch {
      // Reported below, with the body.
    }
    throw new Mismatch({ request: this.request, what: 'the body', expected: 'a JSON object', seen: this.brief() });
  }

  /** Returns a text member of the JSON object. */
  member(name: string): string {
    return textMember(this.document(), name, this.request);
  }

  /** Returns a member that is an array of JSON objects. */
  items(name: string): readonly Document[] {
    const value = this.document()[name];
    if (Array.isArray(value)) return value as Document[];
    throw new Mismatch({ request: this.request, what: `member ${name}`, expected: 'an array', seen: this.brief() });
  }

  /** Returns the status and the beginning of the body, for a person. */
  brief(): string {
    const isText = /json|text/.test(this.header('content-type'));
    const body = isText ? this.text.slice(0, 300) : `${String(this.bytes.length)} bytes`;
    return `${String(this.status)} ${body}`;
  }
}

export function textMember(document: Document, name: string, request = 'the answer'): string {
  const value = document[name];
  if (typeof value === 'string') return value;
  throw new Mismatch({ request, what: `member ${name}`, expected: 'a string', seen: shown(value) });
}

function shown(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
