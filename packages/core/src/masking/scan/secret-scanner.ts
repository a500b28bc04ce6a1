import { ByteWindow } from './byte-window.ts';
import { RuleScan, historyBytes } from './rule-scan.ts';
import type { SecretSet } from '../secret-set.ts';
import { SpanQueue } from './span-queue.ts';
import { ValueScan } from './value-scan.ts';

/** Receives the bytes of a stream in order, each once. Indices count from the start of `bytes`, which is valid during the call. */
export interface ScanSink {
  clear(bytes: Uint8Array, from: number, to: number): void;
  masked(bytes: Uint8Array, from: number, to: number): void;
  /** Called once for each secret. The offset counts from the start of the stream. */
  found(rule: string, offset: number): void;
}

export interface ScannerOptions {
  readonly confirmed?: boolean;
}

const pieceBytes = 65_536;

/**
 * Scans one stream. The calls of the sink do not depend on how the stream is cut into chunks: a match is decided only when
 * all bytes that can change it are there. Bytes that are not decided are held back.
 */
export class SecretScanner {
  readonly #sink: ScanSink;
  readonly #options: ScannerOptions;
  readonly #window = new ByteWindow();
  readonly #spans = new SpanQueue();
  #rules: RuleScan;
  #values: readonly ValueScan[];
  /** The bytes before this position were handed to the sink. */
  #cursor = 0;
  /** The bytes up to this position belong to spans that were taken from the queue. */
  #maskEnd = 0;
  #earlierSteps = 0;

  constructor(set: SecretSet, sink: ScanSink, options: ScannerOptions = {}) {
    this.#sink = sink;
    this.#options = options;
    this.#rules = this.#ruleScan(set);
    this.#values = this.#valueScans(set);
  }

  get heldBytes(): number {
    return this.#window.end - this.#cursor;
  }

  /** Number of bytes read, decoded, compared and handed to patterns. */
  get steps(): number {
    return this.#earlierSteps + this.#rules.steps + this.#values.reduce((sum, values) => sum + values.steps, 0);
  }

  write(chunk: Uint8Array): void {
    for (let from = 0; from < chunk.length; from += pieceBytes) {
      const keepFrom = Math.max(this.#window.base, this.#cursor - historyBytes);
      this.#window.append(chunk.subarray(from, from + pieceBytes), keepFrom);
      this.#scan(false);
    }
  }

  end(): void {
    this.#scan(true);
  }

  /** Scans the bytes that are held back with another set. What the set before found in them stays masked. */
  replaceSet(set: SecretSet): void {
    this.#earlierSteps = this.steps;
    const block = this.#rules.openBlock;
    this.#rules = this.#ruleScan(set);
    this.#rules.openBlock = block;
    this.#values = this.#valueScans(set);
    this.#scan(false);
  }

  #ruleScan(set: SecretSet): RuleScan {
    const confirmed = this.#options.confirmed ?? false;
    return new RuleScan(set.rules, this.#window, this.#spans, this.#cursor, confirmed);
  }

  #valueScans(set: SecretSet): ValueScan[] {
    return set.values.map((index) => new ValueScan(index, this.#cursor));
  }

  #scan(ended: boolean): void {
    for (const values of this.#values) values.scan(this.#window, ended, this.#spans);
    this.#rules.scan(ended);
    this.#handOver(ended ? this.#window.end : this.#holdFrom());
  }

  /** First position whose bytes are not decided. */
  #holdFrom(): number {
    let hold = this.#rules.holdFrom();
    for (const values of this.#values) hold = Math.min(hold, values.holdFrom(this.#window));
    return Math.max(this.#cursor, hold);
  }

  #handOver(to: number): void {
    for (let span = this.#spans.takeBefore(to); span !== undefined; span = this.#spans.takeBefore(to)) {
      if (span.conditional && span.start >= this.#maskEnd) continue;
      if (span.rule !== undefined && span.start >= this.#maskEnd) this.#sink.found(span.rule, span.start);
      this.#maskTo(Math.min(span.start, this.#maskEnd));
      this.#clearTo(span.start);
      this.#maskEnd = Math.max(this.#maskEnd, span.end);
    }
    this.#maskTo(Math.min(to, this.#maskEnd));
    this.#clearTo(to);
  }

  #maskTo(position: number): void {
    if (position <= this.#cursor) return;
    const { bytes, base } = this.#window;
    this.#sink.masked(bytes, this.#cursor - base, position - base);
    this.#cursor = position;
  }

  #clearTo(position: number): void {
    if (position <= this.#cursor) return;
    const { bytes, base } = this.#window;
    this.#sink.clear(bytes, this.#cursor - base, position - base);
    this.#cursor = position;
  }
}
