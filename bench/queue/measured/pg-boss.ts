// Measures pg-boss with the calls `fetch` and `complete`. Its documentation describes them for callers that have their
// own workers.
import process from 'node:process';
import { PgBoss } from 'pg-boss';
import { serveOrders } from '../serve-orders.ts';
import { queueOf } from '../worker-loops.ts';

const queue = 'bench';
const boss = new PgBoss({
  connectionString: process.env['BENCH_DATABASE_URL'] ?? '',
  max: Number(process.env['BENCH_CONNECTIONS']),
  schedule: false,
});
boss.on('error', (error: Error) => process.stderr.write(`pg-boss: ${error.message}\n`));
await boss.start();
await boss.createQueue(queue);

serveOrders(
  queueOf<string>({
    add: () => boss.send(queue, { command: 'true' }),
    claim: async (_, batchSize = 1) => (await boss.fetch(queue, { batchSize })).map((job) => job.id),
    completeOne: (_, id) => boss.complete(queue, id),
    completeMany: (_, ids) => boss.complete(queue, [...ids]),
    stop: () => boss.stop({ graceful: false }),
  }),
);
