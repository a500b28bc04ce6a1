// The measured samples and their medians.
import { median } from '../transfer-report.ts';
import type { Mode } from './queue-order.ts';

export type Measure = 'enqueued/s' | 'ended/s' | 'claim p50, ms' | 'claim p99, ms' | 'caller CPU, %' | 'server CPU, %';

/** Identifies a figure: contender, mode and number of workers. */
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
  /** Operations per second by name. */
  readonly limits: Readonly<Record<string, number>>;
  readonly aims: readonly Aim[];
  readonly rows: readonly Row[];
}

export interface Aim {
  readonly aim: string;
  /** A ratio: ours to theirs, or with to without. */
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

/** Rounds to three significant digits. */
export function rounded(value: number): number {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}

/** Returns the row of a point; undefined when it was not measured. */
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

/** Returns the smallest value that is at least as large as `share` of the values. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}
