// Collects the measured samples and computes their medians.
import { median } from '../transfer-report.ts';
import type { Mode } from './queue-order.ts';

export type Measure = 'enqueued/s' | 'ended/s' | 'claim p50, ms' | 'claim p99, ms' | 'caller CPU, %' | 'server CPU, %';

/** Identifies one figure by contender, backlog, mode, number of workers and measure. */
export interface Point {
  readonly contender: string;
  readonly backlog: number;
  readonly mode: Mode;
  readonly workers: number;
  readonly measure: Measure;
}

export interface Row extends Point {
  readonly median: number;
  readonly values: readonly number[];
}

/** The format of `bench/results/queue.json`. */
export interface QueueResults {
  readonly at: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly rounds: number;
  readonly seconds: number;
  /** Limits of the machine in operations per second, by name. */
  readonly limits: Readonly<Record<string, number>>;
  readonly aims: readonly Aim[];
  readonly rows: readonly Row[];
}

export interface Aim {
  readonly aim: string;
  /** The measured ratio of two medians; see `queue-aims.ts`. */
  readonly reached: number;
  readonly wanted: string;
  readonly met: boolean;
}

export class Samples {
  readonly #values = new Map<string, { point: Point; values: number[] }>();

  add(point: Point, value: number): void {
    const key = JSON.stringify([point.contender, point.backlog, point.mode, point.workers, point.measure]);
    const found = this.#values.get(key);
    if (found === undefined) this.#values.set(key, { point, values: [value] });
    else found.values.push(value);
  }

  rows(): Row[] {
    return [...this.#values.values()].map(({ point, values }) => ({
      ...point,
      median: rounded(median(values)),
      values: values.map(rounded),
    }));
  }
}

/** Rounds a value to three significant digits, or to an integer if the value is 100 or more. */
export function rounded(value: number): number {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}

/** Returns the row of a figure, or undefined if the figure was not measured. */
export function find(rows: readonly Row[], point: Point): Row | undefined {
  return rows.find(
    (row) =>
      row.contender === point.contender &&
      row.backlog === point.backlog &&
      row.mode === point.mode &&
      row.workers === point.workers &&
      row.measure === point.measure,
  );
}

/**
 * Returns the percentile for `share` (0 to 1): this share of the values is smaller than the result. Returns NaN if
 * there are no values.
 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}
