// Starts `load-generator.ts` as a child process and sends it orders.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { LoadOrder, LoadResult } from './load-generator.ts';
import { stop } from './start-process.ts';

export class LoadProcess {
  readonly #child: ChildProcess = fork(path.join(import.meta.dirname, 'load-generator.ts'));

  async run(order: LoadOrder): Promise<LoadResult> {
    const answered = once(this.#child, 'message') as Promise<[{ result?: LoadResult; error?: string }]>;
    this.#child.send(order);
    const [{ result, error }] = await answered;
    if (result === undefined) throw new Error(`${order.method} ${order.path}: ${error ?? 'no result'}`);
    return result;
  }

  stop(): Promise<void> {
    return stop(this.#child);
  }
}
