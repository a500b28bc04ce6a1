import { defaultContentType, type Digest } from '@proofhouse/core';
import { parse as parseContentDisposition } from 'content-disposition';
import { parseDigestHeader } from './transport/digest-header.ts';
import { unreachable } from './transport/transport.ts';
import type { TryTimer } from './transport/try-timer.ts';

/** The bytes of an artifact on their way, and what the headers say of them. */
export interface Download {
  readonly body: ReadableStream<Uint8Array>;
  /** The base name the server proposes, when it proposes one. Not safe as a path as it stands. */
  readonly filename: string | undefined;
  readonly contentType: string;
  readonly sizeBytes: number | undefined;
  /** Of the whole artifact: check what arrived against it. */
  readonly digest: Digest | undefined;
}

/** An answer whose body is still to come. The timer is the reader's: `watchedBody` sees to it. */
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

/** The body with the try's timer: it counts anew at each piece, and a broken connection gets a message that helps. */
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
    // Nothing is read ahead of the consumer, whose pace is not the server's silence.
    { highWaterMark: 0 },
  );
}

function filenameOf(header: string | null): string | undefined {
  const name = header === null ? undefined : parseContentDisposition(header).parameters['filename'];
  return name === '' ? undefined : name;
}
