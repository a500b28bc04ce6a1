// A simple parser for a complete stream of server-sent events (WHATWG HTML section 9.2.6). The streaming parser of the
// client is compared with it.

export interface PlainEvent {
  readonly event: string | undefined;
  readonly data: string;
}

/** Returns the events of the stream. An event counts only if a blank line follows it. */
export function plainEvents(bytes: Buffer): PlainEvent[] {
  // Without `ignoreBOM`, the decoder removes one byte order mark, as the standard requires.
  const text = new TextDecoder().decode(bytes);
  const lines = text.split(/\r\n|\r|\n/).slice(0, -1);
  const events: PlainEvent[] = [];
  let data: string[] = [];
  let event: string | undefined;
  for (const line of lines) {
    if (line === '') {
      if (data.length > 0) events.push({ event, data: data.join('\n') });
      data = [];
      event = undefined;
      continue;
    }
    const colon = line.indexOf(':');
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') data.push(value);
    if (name === 'event') event = value === '' ? undefined : value;
  }
  return events;
}
