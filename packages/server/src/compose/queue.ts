import { jobTypesOf } from '@proofhouse/core';
import { jobEventHandlers } from '../http/routes/job-events.ts';
import { depthHandlers, jobHandlers } from '../http/routes/jobs.ts';
import { JobLog } from '../jobs/job-log.ts';
import { Jobs, sweepEveryMs } from '../jobs/jobs.ts';
import { QueueDepths } from '../jobs/queue-depths.ts';
import { mostCounted, sampleDepthsEveryMs } from '../metrics/prometheus-meter.ts';
import { flushEveryMs, Presence } from '../workers/presence.ts';
import type { Area } from './area.ts';
import type { SharedServices } from './shared-services.ts';

export interface QueueServices {
  readonly jobs: Jobs;
  readonly presence: Presence;
}

/** Constructs the services for jobs, job events and hints, and for worker presence (when each worker was last seen). */
export function composeQueue(shared: SharedServices) {
  const { config, clock, clocks, ids, store, hints, secrets, meter, stopping } = shared;
  const presence = new Presence({ store: store.presence, clock });
  const jobTypes = jobTypesOf(config.jobTypes);
  const jobs = new Jobs({ store: store.jobs, clock, ids, jobTypes, hints, presence, secrets, meter });
  const log = new JobLog({ store: store.jobs, hints, clock });
  const handlers = {
    ...jobHandlers(jobs),
    ...depthHandlers(new QueueDepths({ store: store.jobs, clock })),
    ...jobEventHandlers({ jobs, log, hints, clock, stopping }),
  };
  const sweep = (): Promise<unknown> => {
    clocks.compare();
    return jobs.sweep();
  };
  const sampleDepths = async (): Promise<void> => {
    meter.depths(await store.jobs.depths(mostCounted));
  };
  return {
    services: { jobs, presence },
    handlers,
    background: [
      { everyMs: sweepEveryMs, run: sweep },
      { everyMs: flushEveryMs, run: () => presence.flush() },
      { everyMs: sampleDepthsEveryMs, run: sampleDepths },
    ],
  } satisfies Area<QueueServices, typeof handlers>;
}
