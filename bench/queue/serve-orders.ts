// Runs in a measured process, and executes the orders that `measured-process.ts` sends.
import process from 'node:process';
import type { DrainOrder, FillOrder, QueueAnswer, QueueOrder, QueueResult } from './queue-order.ts';

type Timed = Omit<QueueResult, 'cpuMs'>;

/** The queue that the measured process calls. */
export interface MeasuredQueue {
  fill(order: FillOrder): Promise<Timed>;
  drain(order: DrainOrder): Promise<Timed>;
  stop(): Promise<void>;
}

/**
 * Reports that the process is ready, then executes orders. Ends after an order to stop, or when its parent has exited.
 */
export function serveOrders(queue: MeasuredQueue): void {
  process.on('message', (order: QueueOrder) => {
    if (order.kind === 'stop') void queue.stop().finally(() => process.exit());
    else void carryOut(queue, order).then(answer);
  });
  process.on('disconnect', () => process.exit(1));
  answer({ ready: true });
}

async function carryOut(queue: MeasuredQueue, order: FillOrder | DrainOrder): Promise<QueueAnswer> {
  try {
    const before = process.cpuUsage();
    const timed = order.kind === 'fill' ? await queue.fill(order) : await queue.drain(order);
    const { user, system } = process.cpuUsage(before);
    return { result: { ...timed, cpuMs: (user + system) / 1000 } };
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

function answer(message: QueueAnswer): void {
  process.send?.(message);
}
