import { Experiments } from '../experiments/experiments.ts';
import { Groups } from '../experiments/groups.ts';
import type { AuthenticateParts } from '../http/authenticate.ts';
import { sessionHandlers } from '../http/routes/session.ts';
import { workerHandlers } from '../http/routes/workers.ts';
import { v0WorkerHandlers } from '../http/v0/v0-workers.ts';
import { SignIn } from '../users/sign-in.ts';
import { Workers } from '../workers/workers.ts';
import type { Area } from './area.ts';
import type { QueueServices } from './queue.ts';
import type { SharedServices } from './shared-services.ts';

export interface AccessServices {
  readonly workers: Workers;
  readonly experiments: Experiments;
  readonly groups: Groups;
  readonly signIn: SignIn;
  readonly authentication: AuthenticateParts;
}

/** Constructs the services for callers: workers and tokens, experiments and groups, and the sign-in of the web page. */
export function composeAccess(shared: SharedServices, { jobs, presence }: QueueServices) {
  const { config, clock, ids, store, random, adminToken, secrets, baseUrl } = shared;
  const signIn = new SignIn({ clock, ids });
  const workers = new Workers({ store: store.workers, commits: store, clock, ids, secrets });
  const experiments = new Experiments({ store: store.experiments, commits: store, clock, ids, secrets });
  const groups = new Groups({ store: store.experiments, commits: store, clock, ids, random, secrets });
  const authentication = { workers, groups, adminToken, signIn, required: config.authRequired };
  const handlers = {
    ...v0WorkerHandlers(workers, groups),
    ...workerHandlers({ workers, presence, jobs, jobTypes: config.jobTypes }),
    ...sessionHandlers(signIn, baseUrl),
  };
  return {
    services: { workers, experiments, groups, signIn, authentication },
    handlers,
    background: [],
  } satisfies Area<AccessServices, typeof handlers>;
}
