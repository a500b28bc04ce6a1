import type { Writable } from 'node:stream';
// Imports a subpath of core, because every command loads this file, and the index of core would load all schemas.
import { visibleText } from '@proofhouse/core/visible-text';

/**
 * Returns a stream that escapes the hidden characters of written strings (see `visibleText`). So no text of a server or a
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
