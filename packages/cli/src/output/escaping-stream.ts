import type { Writable } from 'node:stream';
import { visibleText } from '@proofhouse/core';

/**
 * The stream with one change: hidden characters of strings that are written become escapes (see `visibleText`), so that no
 * text of a server or worker drives the terminal, in output for people and in JSON alike. Bytes pass as they are.
 */
export function escapingStream(stream: Writable): Writable {
  const write = (chunk: unknown, ...rest: never[]): boolean =>
    stream.write(typeof chunk === 'string' ? visibleText(chunk) : chunk, ...rest);
  return new Proxy(stream, {
    get: (target, name) => {
      if (name === 'write') return write;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
