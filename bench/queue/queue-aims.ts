// Compares the medians of one run with the aims of the queue. An aim is a limit for the ratio of two medians. It is a
// smallest ratio for Proofhouse compared with another queue, and for batches compared with single jobs. It is a largest
// ratio for the latency of a queue with a backlog, compared with the same queue without one.
import { allDoors, engines, graphileWorker, pgBoss, proofhouseName } from './queue-contenders.ts';
import { find, rounded, type Aim, type Point, type Row } from './samples.ts';

/** Batches must be faster than jobs that are claimed one by one, by at least this factor. */
const batchGain = 2;
/**
 * Number of workers at which latencies are compared. 8 workers wait for each other, so the slowest calls become
 * visible.
 */
export const latencyWorkers = 8;

export function queueAims(rows: readonly Row[]): Aim[] {
  const workerCounts = [...new Set(rows.map((row) => row.workers))].sort((a, b) => a - b);
  return [
    ...workerCounts.flatMap((workers) => besidePeers(rows, workers)),
    ...allDoors.flatMap((door) => engines.map((engine) => batches(rows, proofhouseName(door, engine)))).flat(),
    ...allDoors.flatMap((door) => engines.map((engine) => backlogs(rows, proofhouseName(door, engine)))).flat(),
  ];
}

const oneByOne = { backlog: 0, mode: 'one by one', measure: 'ended/s' } as const;

function besidePeers(rows: readonly Row[], workers: number): Aim[] {
  const [http, inProcess] = [proofhouseName('HTTP', 'sqlite'), proofhouseName('in process', 'postgres')];
  // graphile-worker claims its next job while it completes the previous one. So it is also compared with the mode
  // `overlapping` of Proofhouse. pg-boss is called as its documentation describes.
  const pairs = [
    [http, graphileWorker, 'overlapping', 1],
    [inProcess, graphileWorker, 'overlapping', 1],
    [http, graphileWorker, 'one by one', 1],
    [inProcess, graphileWorker, 'one by one', 1],
    [inProcess, pgBoss, 'one by one', 1.5],
  ] as const;
  return pairs.flatMap(([ours, theirs, mode, wanted]) =>
    atLeast(
      `${ours}, ${mode}, beside ${theirs}, ${counted(workers)}`,
      ratio(rows, { ...oneByOne, mode, contender: ours, workers }, { ...oneByOne, contender: theirs, workers }),
      wanted,
    ),
  );
}

function batches(rows: readonly Row[], contender: string): Aim[] {
  return [1, latencyWorkers].flatMap((workers) => {
    const point = { ...oneByOne, contender, workers };
    const name = `${contender}, batches beside one by one, ${counted(workers)}`;
    return atLeast(name, ratio(rows, { ...point, mode: 'batches' }, point), batchGain);
  });
}

function backlogs(rows: readonly Row[], contender: string): Aim[] {
  const largest = Math.max(...rows.map((row) => row.backlog));
  if (largest === 0) return [];
  return (['claim p50, ms', 'claim p99, ms'] as const).flatMap((measure) => {
    const point = { ...oneByOne, measure, contender, workers: latencyWorkers };
    const reached = ratio(rows, { ...point, backlog: largest }, point);
    if (reached === undefined) return [];
    const aim = `${contender}, ${measure.slice(0, 9)} with ${largest.toLocaleString('en')} beside none, ${counted(latencyWorkers)}`;
    return [{ aim, reached, wanted: '≤ 1.5', met: reached <= 1.5 }];
  });
}

function atLeast(aim: string, reached: number | undefined, wanted: number): Aim[] {
  return reached === undefined ? [] : [{ aim, reached, wanted: `≥ ${String(wanted)}`, met: reached >= wanted }];
}

function ratio(rows: readonly Row[], above: Point, below: Point): number | undefined {
  const [ours, theirs] = [find(rows, above), find(rows, below)];
  return ours === undefined || theirs === undefined ? undefined : rounded(ours.median / theirs.median);
}

export function counted(workers: number): string {
  return workers === 1 ? '1 worker' : `${String(workers)} workers`;
}
