import { ByteWindow } from './byte-window.ts';
import { lookbehind } from './rule-match.ts';
import { RuleScan } from './rule-scan.ts';
import { SecondLook } from './second-look.ts';
import type { SecretSet } from '../secret-set.ts';
import { SpanQueue } from './span-queue.ts';
import type { MaskedRange } from './span-queue.ts';
import { ValueScan } from './value-scan.ts';
import { WrappedScan } from './wrapped-scan.ts';

/**
 * Receives the bytes of a stream in order, each byte once. `from` and `to` are indices in `bytes`. The sink must not
 * use `bytes` after the call.
 */
export interface ScanSink {
  clear(bytes: Uint8Array, from: number, to: number): void;
  masked(bytes: Uint8Array, from: number, to: number): void;
  /** Called once for each secret. `offset` is counted from the beginning of the stream. */
  found(rule: string, offset: number): void;
}

export interface ScannerOptions {
  readonly confirmed?: boolean;
}

const pieceBytes = 65_536;

/**
 * Scans one stream and calls the sink. The calls do not depend on how the stream is divided into chunks. A match is
 * decided only when all bytes that can change it have been read. Until then the bytes are held back.
 */
export class SecretScanner {
  readonly #sink: ScanSink;
  readonly #options: ScannerOptions;
  readonly #window = new ByteWindow();
  readonly #spans = new SpanQueue();
  #rules: RuleScan;
  #again: SecondLook;
  #values: readonly (ValueScan | WrappedScan)[];
  /** Position up to which bytes were passed to the sink. */
  #cursor = 0;
  /** The range that was masked last, by spans that were taken from the queue. */
  #mask: MaskedRange = { start: 0, end: 0, isLiteral: false };
  #earlierSteps = 0;

  constructor(set: SecretSet, sink: ScanSink, options: ScannerOptions = {}) {
    this.#sink = sink;
    this.#options = options;
    this.#again = new SecondLook(set.rules, this.#spans, this.#options.confirmed ?? false);
    this.#rules = this.#ruleScan(set);
    this.#values = this.#valueScans(set);
  }

  get heldBytes(): number {
    return this.#window.end - this.#cursor;
  }

  /** Number of bytes that were read, decoded, compared, or passed to patterns. */
  get steps(): number {
    return (
      this.#earlierSteps +
      this.#rules.steps +
      this.#again.steps +
      this.#values.reduce((sum, values) => sum + values.steps, 0)
    );
  }

  write(chunk: Uint8Array): void {
    for (let from = 0; from < chunk.length; from += pieceBytes) {
      const keepFrom = Math.max(this.#window.base, this.#cursor - lookbehind);
      this.#window.append(chunk.subarray(from, from + pieceBytes), keepFrom);
      this.#scan(false);
    }
  }

  end(): void {
    this.#scan(true);
  }

  /**
   * Uses another set of secrets for the bytes that were not returned yet and for all later bytes. Secrets that the
   * previous set found stay masked.
   */
  replaceSet(set: SecretSet): void {
    this.#earlierSteps = this.steps;
    const { openBlock, openTable } = this.#rules;
    this.#again = new SecondLook(set.rules, this.#spans, this.#options.confirmed ?? false);
    this.#rules = this.#ruleScan(set);
    this.#rules.openBlock = openBlock;
    this.#rules.openTable = openTable;
    this.#values = this.#valueScans(set);
    this.#scan(false);
  }

  #ruleScan(set: SecretSet): RuleScan {
    const { confirmed = false } = this.#options;
    const target = { window: this.#window, spans: this.#spans, again: this.#again, from: this.#cursor, confirmed };
    return new RuleScan(set.rules, target);
  }

  #valueScans(set: SecretSet): (ValueScan | WrappedScan)[] {
    return [
      ...set.values.map((index) => new ValueScan(index, this.#cursor)),
      new WrappedScan(set.wrapped, this.#cursor),
    ];
  }

  #scan(ended: boolean): void {
    for (const values of this.#values) values.scan(this.#window, ended, this.#spans);
    this.#rules.scan(ended);
    const decidedTo = ended ? this.#window.end : this.#decidedTo();
    this.#again.run({ window: this.#window, decidedTo, lastMask: this.#mask, ended });
    this.#handOver(Math.max(this.#cursor, this.#again.holdFrom(decidedTo)));
  }

  /** Returns the first position at which a span that is not known yet may begin. */
  #decidedTo(): number {
    let hold = this.#rules.holdFrom();
    for (const values of this.#values) hold = Math.min(hold, values.holdFrom(this.#window));
    return hold;
  }

  #handOver(to: number): void {
    for (let span = this.#spans.takeBefore(to); span !== undefined; span = this.#spans.takeBefore(to)) {
      const { start, end } = this.#mask;
      if (span.rule !== undefined && span.start >= end) this.#sink.found(span.rule, span.start);
      this.#maskTo(Math.min(span.start, end));
      this.#clearTo(span.start);
      const isApart = span.start > end || end === 0;
      const isLiteral = isApart && span.isLiteral === true;
      this.#mask = { start: isApart ? span.start : start, end: Math.max(end, span.end), isLiteral };
    }
    this.#maskTo(Math.min(to, this.#mask.end));
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
