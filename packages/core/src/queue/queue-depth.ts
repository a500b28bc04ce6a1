import { z } from 'zod';

/** Largest number of jobs of one type and state that are counted for `GET /api/queue/depth`. */
export const mostJobsCounted = 10_000;

/** Schema of the numbers of unfinished jobs. A type and state without jobs has no item. */
export const queueDepthSchema = z
  .object({
    items: z.array(
      z.object({
        type: z.string(),
        state: z.enum(['ready', 'delayed', 'running']).meta({
          description: 'Of a queued job: `ready` when it can be claimed now, else `delayed`.',
        }),
        count: z.int(),
        isAtLeast: z
          .boolean()
          .meta({ description: `Counting stops at ${String(mostJobsCounted)}; there may be more.` }),
      }),
    ),
  })
  .meta({ id: 'QueueDepth' });
export type QueueDepth = z.infer<typeof queueDepthSchema>;
