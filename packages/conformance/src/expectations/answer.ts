import { Mismatch } from './mismatch.ts';

/** A parsed JSON object. */
export type Document = Readonly<Record<string, unknown>>;

/** One answer of the server together with its request. A report can show both. */
export class Answer {
  /** Method and path of the request (`POST /v0/…`), without credentials. */
  readonly request: string;
  /** The complete URL of the request. */
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

  /** Returns the JSON object in the body. Throws a `Mismatch` if the body is anything else. */
  document(): Document {
    try {
      const value: unknown = JSON.parse(this.text);
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Document;
    } catch {
      // The `Mismatch` below reports that the body is not JSON. It contains the beginning of the body.
    }
    throw new Mismatch({ request: this.request, what: 'the body', expected: 'a JSON object', seen: this.brief() });
  }

  /** Returns a text member of the JSON object in the body. Throws a `Mismatch` if the member is not a string. */
  member(name: string): string {
    return textMember(this.document(), name, this.request);
  }

  /**
   * Returns a member of the JSON object in the body that is an array of objects. Throws a `Mismatch` if it is no array.
   */
  items(name: string): readonly Document[] {
    const value = this.document()[name];
    if (Array.isArray(value)) return value as Document[];
    throw new Mismatch({ request: this.request, what: `member ${name}`, expected: 'an array', seen: this.brief() });
  }

  /** Returns the status and the beginning of the body, in a form that a person can read. */
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
