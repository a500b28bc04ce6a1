import type { Writable } from 'node:stream';
// This import names a subpath of core. The index of core would load all schemas, and every command loads this file.
import { visibleText } from '@proofhouse/core/visible-text';

/**
 * Returns a stream that escapes the hidden characters of strings (see `visibleText`). So no text of a server or a
 * worker can control the terminal, neither in text output nor in JSON. Bytes are written unchanged.
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
