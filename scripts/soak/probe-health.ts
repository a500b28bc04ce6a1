// Requests a URL repeatedly in a separate thread, so that work in the main thread does not affect the measured
// durations.
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const everyMs = 20;

export class HealthProbe {
  readonly #worker: Worker;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  static start(url: string): HealthProbe {
    return new HealthProbe(new Worker(new URL(import.meta.url), { workerData: url }));
  }

  /** Stops the requests. Returns the duration of each request in ms. */
  async stop(): Promise<number[]> {
    this.#worker.postMessage('stop');
    const [times] = (await once(this.#worker, 'message')) as [number[]];
    await this.#worker.terminate();
    return times;
  }
}

if (!isMainThread && parentPort !== null) {
  const times: number[] = [];
  let isStopped = false;
  parentPort.once('message', () => (isStopped = true));
  const isOver = (): boolean => isStopped;
  while (!isOver()) {
    const began = performance.now();
    const answer = await fetch(workerData as string);
    await answer.text();
    if (answer.status !== 200) throw new Error(`Health answered ${String(answer.status)}.`);
    times.push(performance.now() - began);
    await pause(everyMs);
  }
  parentPort.postMessage(times);
}
