import type { Writable } from 'node:stream';
// The subpath, since every command starts with this file and the index of core loads all schemas.
import { visibleText } from '@proofhouse/core/visible-text';

/**
 * The stream with hidden characters of written strings escaped (see `visibleText`), so that no text of a server or worker
 * controls the terminal, in output for people and in JSON alike. Bytes are written unchanged.
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
