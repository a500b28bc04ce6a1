import { artifactAcl } from '../artifacts/artifact-access.ts';
import { ArtifactIntake } from '../artifacts/artifact-intake.ts';
import { Artifacts } from '../artifacts/artifacts.ts';
import { Deposits } from '../artifacts/deposits.ts';
import { Excerpts } from '../artifacts/excerpts.ts';
import { FolderJobView, noJobView, type JobView } from '../artifacts/job-view.ts';
import { JobUploads } from '../artifacts/job-uploads.ts';
import type { Credential } from '../calls/credential.ts';
import { knownReader } from '../experiments/groups.ts';
import { artifactHandlers } from '../http/routes/artifacts.ts';
import { ticketHandlers, type TicketParts } from '../http/routes/tickets.ts';
import { v0ArtifactHandlers } from '../http/v0/v0-artifacts.ts';
import type { Usage } from '../retention/usage.ts';
import { Tickets } from '../users/tickets.ts';
import type { AccessServices } from './access.ts';
import type { Area } from './area.ts';
import { composeArtifactRecords } from './artifact-records.ts';
import type { QueueServices } from './queue.ts';
import type { SharedServices } from './shared-services.ts';

export interface ArtifactServices {
  readonly artifacts: Artifacts;
  readonly jobUploads: JobUploads;
  readonly deposits: Deposits;
  readonly tickets: TicketParts;
}

interface ArtifactNeeds {
  readonly jobs: QueueServices['jobs'];
  readonly access: AccessServices;
  readonly usage: Usage;
  readonly jobView: JobView;
}

/** Constructs the services for artifacts of jobs, deposits under `/v0`, excerpts and download tickets. */
export function composeArtifacts(shared: SharedServices, { jobs, access, usage, jobView }: ArtifactNeeds) {
  const { config, clock, ids, logger, store, commits, blobs, hints, secrets, load, meter, baseUrl } = shared;
  const { workers, groups, experiments, authentication } = access;
  const requireRoom = (): void => usage.requireRoom();
  const records = { store: store.artifacts, commits, clock };
  const parts = {
    ...records,
    intake: new ArtifactIntake({
      ...records,
      blobs,
      graceMs: config.collectGraceMs,
      requireRoom,
      secrets,
      logger,
      meter,
    }),
    acl: artifactAcl({ store: store.artifacts, jobs }),
    ids,
  };
  const artifacts = new Artifacts({ ...parts, blobs, jobs });
  const jobUploads = new JobUploads({ ...parts, jobs, jobView, hints, secrets, maxBytes: config.jobArtifactMaxBytes });
  const isReader = knownReader({ groups, findWorker: (id) => workers.find(id) });
  const deposits = new Deposits({ ...parts, isReader, maxBytes: config.maxArtifactBytes });
  const { basePath } = config;
  const tickets = {
    tickets: new Tickets<Credential>({ clock, ids }),
    artifacts,
    authentication,
    load,
    basePath,
    baseUrl,
  };
  const handlers = {
    ...artifactHandlers({ artifacts, jobUploads, excerpts: new Excerpts({ artifacts, load, clock }), clock }),
    ...composeArtifactRecords(shared, { ...parts, artifacts, experiments, users: access.users, jobs }),
    ...v0ArtifactHandlers({ deposits, artifacts, groups, clock }),
    ...ticketHandlers(tickets),
  };
  return {
    services: { artifacts, jobUploads, deposits, tickets },
    handlers,
    background: [],
  } satisfies Area<ArtifactServices, typeof handlers>;
}

/**
 * Constructs the job view: the folders in which operators see the artifacts of jobs. Without local blob files there is
 * no job view.
 */
export function composeJobView({ config, ids, logger, store, blobs }: SharedServices): JobView {
  if (!blobs.supports.localFiles) return noJobView;
  const localPath = (key: string): string | undefined => blobs.localPath(key);
  return new FolderJobView({ root: config.jobViewRoot, localPath, store: store.artifacts, ids, logger });
}
