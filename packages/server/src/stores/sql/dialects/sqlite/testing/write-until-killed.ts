import { newJob } from '../../../../contract/records.ts';
import { openMetadataStore } from '../../../../open-metadata-store.ts';

// Enqueues jobs without end, eight at a time, and prints the id of each job once its promise has settled.
const [file, round] = process.argv.slice(2);
const store = await openMetadataStore(`sqlite:${file ?? ''}`);
let next = 0;
await Promise.all(
  Array.from({ length: 8 }, async () => {
    for (;;) {
      next += 1;
      const job = newJob({ id: `${round ?? ''}-${next}`, payload: { text: 'x'.repeat(next % 5000) } });
      await store.jobs.enqueue(job);
      process.stdout.write(`${job.id}\n`);
    }
  }),
);
