import type { ArtifactIntake } from '../artifacts/artifact-intake.ts';
import type { Artifacts } from '../artifacts/artifacts.ts';
import { ownStorage } from '../artifacts/records/own-storage.ts';
import { PointerPolicy } from '../artifacts/records/pointer-policy.ts';
import { Registrations } from '../artifacts/records/registrations.ts';
import { StandaloneUploads } from '../artifacts/records/standalone-uploads.ts';
import { Reviews } from '../artifacts/review/reviews.ts';
import { Updates } from '../artifacts/records/updates.ts';
import type { Config } from '../config/config.ts';
import { acceptedLocalFiles } from '../config/lasting-storage.ts';
import { artifactRecordHandlers } from '../http/routes/artifact-records.ts';
import { reviewHandlers } from '../http/routes/reviews.ts';
import { standaloneUploadHandlers } from '../http/routes/standalone-uploads.ts';
import type { AccessServices } from './access.ts';
import type { QueueServices } from './queue.ts';
import type { SharedServices } from './shared-services.ts';

interface RecordNeeds {
  readonly intake: ArtifactIntake;
  readonly artifacts: Artifacts;
  readonly experiments: AccessServices['experiments'];
  readonly users: AccessServices['users'];
  readonly jobs: QueueServices['jobs'];
}

/** Constructs the services that register, update and upload artifacts outside of jobs. Returns their handlers. */
export function composeArtifactRecords(
  shared: SharedServices,
  { intake, artifacts, experiments, users, jobs }: RecordNeeds,
) {
  const { config, clock, ids, store, commits, secrets, hints } = shared;
  const pointers = new PointerPolicy({
    localFiles: acceptedLocalFiles(config),
    isOwnStorage: ownStorage({ blobUrl: config.blobUrl, folders: ownFolders(config) }),
    secrets,
  });
  const settings = { distinctReviewer: config.distinctReviewer };
  const parts = { store: store.artifacts, commits, settings, pointers, secrets, users, clock, ids, artifacts };
  const uploads = new StandaloneUploads({ ...parts, intake, maxBytes: config.jobArtifactMaxBytes });
  const [registrations, updates] = [new Registrations(parts), new Updates(parts)];
  return {
    ...artifactRecordHandlers({ artifacts, registrations, updates, experiments, users }),
    ...standaloneUploadHandlers(uploads, clock),
    ...reviewHandlers(new Reviews({ ...parts, jobs, hints }), jobs),
  };
}

/** Returns the folders that contain bytes and records of this server. */
function ownFolders({ dataDir, jobViewRoot, blobUrl, databaseUrl }: Config): string[] {
  const paths = [blobUrl, databaseUrl].flatMap((url) => /^(?:file|sqlite):(?:\/\/)?([^:].*)$/i.exec(url)?.[1] ?? []);
  return [dataDir, jobViewRoot, ...paths];
}
