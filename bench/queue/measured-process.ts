// Starts a measured process and sends it orders. In that process, `serve-orders.ts` receives the orders.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import process from 'node:process';
import { stop } from '../start-process.ts';
import type { QueueAnswer, QueueOrder, QueueResult } from './queue-order.ts';

const stopWithinMs = 5000;
/** Timeout of one order in ms. An order normally takes seconds. */
const answerWithinMs = 120_000;

export class MeasuredProcess {
  readonly #child: ChildProcess;
  readonly #script: string;

  private constructor(child: ChildProcess, script: string) {
    this.#child = child;
    this.#script = script;
  }

  /** Starts a measured process. `script` is the name of a file in `measured/`, without its extension. */
  static async start(script: string, env: Readonly<Record<string, string>>): Promise<MeasuredProcess> {
    const file = path.join(import.meta.dirname, 'measured', `${script}.ts`);
    const child = fork(file, { env: { ...process.env, NO_LOG_SUCCESS: '1', ...env } });
    const started = new MeasuredProcess(child, script);
    await started.#answer();
    return started;
  }

  async run(order: QueueOrder): Promise<QueueResult> {
    const answered = this.#answer();
    this.#child.send(order);
    const answer = await answered;
    if ('result' in answer) return answer.result;
    throw new Error(`${this.#script}: ${'error' in answer ? answer.error : 'no result'}`);
  }

  /** Requests that the process stops, so that it releases locks and connections. Kills it after a timeout. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    const timer = setTimeout(() => void stop(this.#child), stopWithinMs);
    if (this.#child.connected) this.#child.send({ kind: 'stop' } satisfies QueueOrder);
    await ended;
    clearTimeout(timer);
  }

  async #answer(): Promise<QueueAnswer> {
    const ended = new AbortController();
    const { signal } = ended;
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), answerWithinMs);
    try {
      const message = once(this.#child, 'message', { signal }) as Promise<[QueueAnswer]>;
      const exit = once(this.#child, 'exit', { signal }).then(() => {
        throw new Error(`${this.#script} ended without an answer.`);
      });
      return (await Promise.race([message, exit]))[0];
    } finally {
      clearTimeout(timer);
      // Ends the wait for the event that did not occur (a message or the exit). The rejection of its promise is
      // ignored.
      ended.abort();
    }
  }
}
