import type { SecretSet } from '@proofhouse/core';
import type { ContentSlices, SecretAnswer, SecretRequest } from './secret-requests.ts';
import { TextScan, type ScanOptions } from './text-scan.ts';

/**
 * After this time in milliseconds, a thread interrupts a scan, so that its other scans run too. The interrupted scan
 * continues with the next request.
 */
const sliceMs = 20;
/** Number of bytes that are scanned before the clock is read again. */
const stepBytes = 16 * 1024;
/**
 * One scan may use a thread for at most this time in milliseconds. A text of 16 MiB without secrets takes less than a
 * second.
 */
const longestMs = 15_000;

export interface SlicedScansParts extends ScanOptions {
  readonly set: SecretSet;
  /** Returns a monotonic time in milliseconds. */
  readonly now: () => number;
}

interface ScanState {
  readonly scan: TextScan | undefined;
  /** The rest of a request that was interrupted. */
  steps: Steps | undefined;
  spentMs: number;
}

type Texts = SecretRequest & { readonly kind: 'texts' };

/** The work of a request. It may be interrupted at each `yield`. */
type Steps = Generator<undefined, SecretAnswer['value']>;

/**
 * The scans of one thread. Each request runs for at most `sliceMs`, and each scan for at most `longestMs` in total. So
 * a text on which the rules are slow delays the other texts only a little.
 */
export class SlicedScans {
  readonly #parts: SlicedScansParts;
  readonly #scans = new Map<number, ScanState>();

  constructor(parts: SlicedScansParts) {
    this.#parts = parts;
  }

  answer(request: SecretRequest): SecretAnswer {
    switch (request.kind) {
      case 'texts':
        return this.#start(request.scan, undefined, this.#texts(request.scan, request));
      case 'begin': {
        const scan = new TextScan(this.#parts.set, request.encoding, this.#parts);
        return this.#start(request.scan, scan, this.#write(request.scan, scan, request.chunks));
      }
      case 'write': {
        const state = this.#stateOf(request.scan);
        state.steps = this.#write(request.scan, scanOf(state), request.chunks);
        return this.#run(request.scan, state);
      }
      case 'continue':
        return this.#run(request.scan, this.#stateOf(request.scan));
      case 'end': {
        const state = this.#stateOf(request.scan);
        this.#scans.delete(request.scan);
        const result = scanOf(state).end(request.isCutShort || isLate(state));
        return { isFinished: true, value: { ...result, isLate: isLate(state) } };
      }
      case 'abort':
        this.#scans.delete(request.scan);
        return finished;
    }
  }

  clear(): void {
    this.#scans.clear();
  }

  #start(id: number, scan: TextScan | undefined, steps: Steps): SecretAnswer {
    const state: ScanState = { scan, steps, spentMs: 0 };
    this.#scans.set(id, state);
    return this.#run(id, state);
  }

  #run(id: number, state: ScanState): SecretAnswer {
    const { now } = this.#parts;
    const startedAt = now();
    for (;;) {
      const step = state.steps?.next();
      const ms = now() - startedAt;
      if (step === undefined || step.done === true) {
        state.spentMs += ms;
        state.steps = undefined;
        // A scan of whole texts has only one request, so it ends here.
        if (state.scan === undefined) this.#scans.delete(id);
        return { isFinished: true, value: step?.value };
      }
      if (ms < sliceMs) continue;
      state.spentMs += ms;
      return { isFinished: false, value: undefined };
    }
  }

  *#write(id: number, scan: TextScan, chunks: ContentSlices): Steps {
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length; at += stepBytes) {
        if (this.#isLate(id)) return undefined;
        scan.write(chunk.subarray(at, at + stepBytes));
        yield;
      }
    }
    return undefined;
  }

  *#texts(id: number, { texts, confirmed }: Texts): Steps {
    const results = [];
    for (const { encoding, bytes } of texts) {
      const scan = new TextScan(this.#parts.set, encoding, { confirmed });
      yield* this.#write(id, scan, [bytes]);
      const isLate = this.#isLate(id);
      results.push({ ...scan.end(isLate), isLate });
      yield;
    }
    return results;
  }

  #isLate(id: number): boolean {
    const state = this.#scans.get(id);
    return state !== undefined && isLate(state);
  }

  #stateOf(id: number): ScanState {
    const state = this.#scans.get(id);
    // The scan is unknown if an earlier thread ended and this one replaced it. This thread did not receive the earlier
    // chunks of the content.
    if (state === undefined) throw new Error('The beginning of this content was scanned by a thread that ended.');
    return state;
  }
}

const finished = { isFinished: true, value: undefined } as const;

function isLate({ spentMs }: ScanState): boolean {
  return spentMs >= longestMs;
}

function scanOf({ scan }: ScanState): TextScan {
  if (scan === undefined) throw new Error('This scan is not the scan of a content.');
  return scan;
}
