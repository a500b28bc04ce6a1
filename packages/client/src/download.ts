import { defaultContentType, type Digest } from '@proofhouse/core';
import { parse as parseContentDisposition } from 'content-disposition';
import { parseDigestHeader } from './transport/digest-header.ts';
import { unreachable } from './transport/transport.ts';
import type { TryTimer } from './transport/try-timer.ts';

/** The bytes of an artifact as a stream, with the values of the response headers. */
export interface Download {
  readonly body: ReadableStream<Uint8Array>;
  /**
   * The file name that the server proposes, if any. It comes from a client, so it must not be used as a path unchecked.
   */
  readonly filename: string | undefined;
  readonly contentType: string;
  readonly sizeBytes: number | undefined;
  /** Digest of the whole artifact, with which the caller can verify the bytes. */
  readonly digest: Digest | undefined;
}

/**
 * A response whose body is not read yet, with the timer of the current try of the call. `watchedBody` restarts the
 * timer at each chunk, and stops it at the end.
 */
export interface OpenedAnswer {
  readonly response: Response;
  readonly timer: TryTimer;
  readonly place: string;
}

export function downloadOf(opened: OpenedAnswer): Download {
  const { headers } = opened.response;
  const length = headers.get('content-length');
  return {
    body: watchedBody(opened),
    filename: filenameOf(headers.get('content-disposition')),
    contentType: headers.get('content-type') ?? defaultContentType,
    sizeBytes: length === null || !/^\d+$/.test(length) ? undefined : Number(length),
    digest: parseDigestHeader(headers.get('repr-digest')),
  };
}

/**
 * Returns the body of the response. The timer restarts at each chunk and stops at the end of the body. If the
 * connection breaks, the body throws `unavailable` with the address of the server.
 */
export function watchedBody({ response, timer, place }: OpenedAnswer): ReadableStream<Uint8Array> {
  const reader = (response.body ?? new Blob([]).stream()).getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          timer.touch();
          if (done) {
            timer.stop();
            controller.close();
          } else controller.enqueue(value);
        } catch (error) {
          timer.stop();
          throw timer.signal.aborted ? timer.signal.reason : unreachable(place, error);
        }
      },
      async cancel(reason) {
        timer.stop();
        await reader.cancel(reason);
      },
    },
    // No chunk is read before the consumer requests it, so the timer restarts at each request. With read-ahead, a slow
    // consumer would look like a silent server.
    { highWaterMark: 0 },
  );
}

function filenameOf(header: string | null): string | undefined {
  const name = header === null ? undefined : parseContentDisposition(header).parameters['filename'];
  return name === '' ? undefined : name;
}
