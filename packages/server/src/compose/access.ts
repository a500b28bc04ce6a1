import { Experiments } from '../experiments/experiments.ts';
import { Groups } from '../experiments/groups.ts';
import type { AuthenticateParts } from '../http/authenticate.ts';
import { sessionHandlers } from '../http/routes/session.ts';
import { userHandlers } from '../http/routes/users.ts';
import { workerHandlers } from '../http/routes/workers.ts';
import { v0WorkerHandlers } from '../http/v0/v0-workers.ts';
import { BearerJwts } from '../oidc/bearer-jwts.ts';
import { IssuerKeys } from '../oidc/issuer-keys.ts';
import { OidcUsers } from '../oidc/oidc-users.ts';
import { SignIn } from '../users/sign-in.ts';
import { Users } from '../users/users.ts';
import { Workers } from '../workers/workers.ts';
import type { Area } from './area.ts';
import type { QueueServices } from './queue.ts';
import type { SharedServices } from './shared-services.ts';

export interface AccessServices {
  readonly workers: Workers;
  readonly users: Users;
  readonly experiments: Experiments;
  readonly groups: Groups;
  readonly signIn: SignIn;
  readonly authentication: AuthenticateParts;
}

/** Constructs the services for callers: workers, users and tokens, experiments and groups, and the sign-in of the page. */
export function composeAccess(shared: SharedServices, { jobs, presence }: QueueServices) {
  const { config, clock, ids, store, commits, random, adminToken, secrets, baseUrl } = shared;
  const signIn = new SignIn({ store: store.users, commits, clock, ids, adminKey: adminToken.key });
  const users = new Users({ store: store.users, commits, clock, ids, secrets });
  const workers = new Workers({ store: store.workers, commits, clock, ids, secrets });
  const experiments = new Experiments({ store: store.experiments, commits, clock, ids, secrets });
  const groups = new Groups({ store: store.experiments, commits, clock, ids, random, secrets });
  const jwts = composeJwts(shared, users);
  const authentication = { workers, users, groups, adminToken, signIn, jwts, required: config.authRequired };
  const handlers = {
    ...v0WorkerHandlers(workers, groups),
    ...userHandlers(users, workers),
    ...workerHandlers({ workers, presence, jobs, jobTypes: config.jobTypes }),
    ...sessionHandlers(signIn, baseUrl),
  };
  return {
    services: { workers, users, experiments, groups, signIn, authentication },
    handlers,
    background: [],
  } satisfies Area<AccessServices, typeof handlers>;
}

/** Constructs the authentication by tokens of the OpenID Connect provider, if one is configured. */
function composeJwts(
  { config, clock, ids, commits, secrets, logger }: SharedServices,
  users: Users,
): BearerJwts | undefined {
  const { oidc } = config;
  if (oidc === undefined) return undefined;
  const keys = new IssuerKeys({ issuer: oidc.issuer, clock, logger });
  const oidcUsers = new OidcUsers({ users, commits, clock, ids, secrets });
  return new BearerJwts({ config: oidc, keys, users: oidcUsers, clock });
}
