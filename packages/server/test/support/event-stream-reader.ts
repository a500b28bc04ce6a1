import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { adminToken, type Caller, type TestServer } from './test-server.ts';

/** One server-sent event or one comment of a stream. A comment has only the member `comment`. */
export interface StreamedItem {
  readonly id?: string;
  readonly event?: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- an event's shape is what a test is about.
  readonly data?: any;
  readonly comment?: string;
}

/**
 * Reads a stream of server-sent events on a separate connection. With `reading: false`, nothing is read until `read()`
 * is called.
 */
export class EventStreamReader {
  readonly answer: IncomingMessage;
  #text = '';
  #items: StreamedItem[] = [];
  #ended = false;
  #changed: () => void = () => undefined;

  private constructor(answer: IncomingMessage) {
    this.answer = answer;
  }

  static async open(
    t: TestServer,
    path: string,
    options: { as?: Caller; headers?: Record<string, string>; reading?: boolean } = {},
  ): Promise<EventStreamReader> {
    const { as = 'admin' } = options;
    const token = as === null || as === 'admin' ? adminToken : typeof as === 'string' ? as : as.token;
    const call = request({
      host: '127.0.0.1',
      port: await t.listen(),
      path,
      agent: false,
      headers: { authorization: `Bearer ${token}`, ...options.headers },
    });
    call.end();
    const [answer] = (await once(call, 'response')) as [IncomingMessage];
    const reader = new EventStreamReader(answer);
    if (options.reading !== false) reader.read();
    return reader;
  }

  /** Starts reading the stream. */
  read(): void {
    const end = (): void => {
      this.#ended = true;
      this.#changed();
    };
    this.answer.on('error', end).on('close', end).on('end', end);
    this.answer.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString();
      const blocks = this.#text.split('\n\n');
      this.#text = blocks.pop() ?? '';
      this.#items.push(...blocks.map(itemOf));
      this.#changed();
    });
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Returns the next event and skips comments. Returns undefined when the stream has ended. */
  async next(): Promise<StreamedItem | undefined> {
    for (;;) {
      const item = this.#items.shift();
      if (item === undefined && this.#ended) return undefined;
      if (item === undefined) await new Promise<void>((settle) => (this.#changed = settle));
      else if (item.comment === undefined) return item;
    }
  }

  async take(count: number): Promise<StreamedItem[]> {
    const items: StreamedItem[] = [];
    while (items.length < count) {
      const item = await this.next();
      if (item === undefined) throw new Error(`the stream ended after ${String(items.length)} events`);
      items.push(item);
    }
    return items;
  }

  /** Returns the remaining events, after the stream has ended. */
  async rest(): Promise<StreamedItem[]> {
    const items: StreamedItem[] = [];
    for (let item = await this.next(); item !== undefined; item = await this.next()) items.push(item);
    return items;
  }

  /** Events and comments that have arrived and were not returned yet. */
  get waiting(): readonly StreamedItem[] {
    return this.#items;
  }

  close(): void {
    this.answer.destroy();
  }
}

function itemOf(block: string): StreamedItem {
  if (block.startsWith(':')) return { comment: block.slice(1).trim() };
  const fields = Object.fromEntries(
    block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
  );
  return { ...fields, ...(fields['data'] === undefined ? {} : { data: JSON.parse(fields['data']) }) };
}
