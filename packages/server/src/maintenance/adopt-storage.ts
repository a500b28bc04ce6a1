import { existsSync } from 'node:fs';
import { Blobs, openBlobBackend } from '@proofhouse/blobs';
import { isAppError } from '@proofhouse/core';
import { lookAtViewRoot, markViewRoot } from '../artifacts/view-root.ts';
import { loadConfig, type ConfigSources } from '../config/load-config.ts';
import { systemClock } from '../kernel/time/clock.ts';
import { Ids } from '../kernel/ids.ts';
import { findIdentity, renewIdentity } from '../retention/store-identity.ts';
import type { MetadataStore } from '../stores/metadata-store.ts';
import { openMetadataStore } from '../stores/open-metadata-store.ts';

export interface AdoptOptions extends ConfigSources {
  /** True to execute the adoption. If false, the function only reports what it would do, and changes nothing. */
  readonly confirmed: boolean;
}

export interface Adoption {
  /**
   * `same`: there is nothing to adopt. Either the database and the blob storage already belong to the same store, or
   * one of them is in memory. `would-adopt`: nothing was changed, because `confirmed` is false. `adopted`: the adoption
   * was executed.
   */
  readonly outcome: 'same' | 'would-adopt' | 'adopted';
  /** The text for the user, in whole sentences: what was found, what follows from it, and what was changed. */
  readonly lines: readonly string[];
}

/**
 * Makes the blob storage belong to the database. Both are those of the settings. The store id of the database is
 * written into the marker of the blob storage, and replaces an older id there. A database without a store id gets a new
 * one. No server may use an SQLite database meanwhile. After an interruption the two ids still differ, and a second run
 * completes the adoption. Errors: those of opening the database and the blob storage.
 */
export async function adoptStorage(options: AdoptOptions): Promise<Adoption> {
  const config = loadConfig(options);
  const backend = await openBlobBackend(config.blobUrl);
  try {
    const store = await openMetadataStore(config.databaseUrl);
    try {
      const ids = new Ids(systemClock);
      const blobs = new Blobs({ backend, newKey: () => ids.blobKey() });
      return await adopt({ store, blobs, ids, confirmed: options.confirmed, viewRoot: config.jobViewRoot });
    } finally {
      await store.close();
    }
  } finally {
    await backend.close();
  }
}

interface AdoptParts {
  readonly store: MetadataStore;
  readonly blobs: Blobs;
  readonly ids: Ids;
  readonly confirmed: boolean;
  readonly viewRoot: string;
}

async function adopt({ store, blobs, ids, confirmed, viewRoot }: AdoptParts): Promise<Adoption> {
  if (!store.durable || !blobs.supports.durable) {
    return { outcome: 'same', lines: ['Stores in memory have no lasting id: there is nothing to adopt.'] };
  }
  const held = await findIdentity(store.settings);
  const marker = await markerText(blobs);
  const found = [
    `The database (${store.kind}) ${held === undefined ? 'has no store id yet' : `is store ${held.id}`}.`,
    `The blob storage (${blobs.kind}) ${marker === undefined ? 'bears no store id' : `belongs to store ${marker}`}.`,
  ];
  if (held !== undefined && held.id === marker) {
    return { outcome: 'same', lines: [...found, 'They are one store: there is nothing to adopt.'] };
  }
  const { count, named } = await countNamed(store, blobs);
  const means = [
    ...found,
    `It holds ${String(count)} blobs. ${String(named)} of them are named by records of this database, ${String(count - named)} are not.`,
    'Adopting gives the blob storage to this database. What no record names is then garbage: `proofhouse storage gc` may',
    'remove it, the server by itself after a grace period at the earliest. A server of the other store collects no more.',
  ];
  if (!confirmed)
    return { outcome: 'would-adopt', lines: [...means, 'Nothing was changed. To adopt, repeat with --yes.'] };
  const identity = await renewIdentity(store.settings, { id: ids.uuid(), since: systemClock.now() });
  // The marker of the blob storage is written last. After an interruption its store id still differs from that of the
  // database. So a second run sees this and completes the adoption.
  const view = await adoptView({ blobs, viewRoot, ids }, identity.id);
  await blobs.writeMarker(identity.id, { replace: true });
  return {
    outcome: 'adopted',
    lines: [...means, ...view, `Adopted: the blob storage belongs to store ${identity.id} now.`],
  };
}

/**
 * Writes the store id into the root of the job view, unless the root contains other files. Returns sentences for the user.
 */
async function adoptView({ blobs, viewRoot, ids }: Pick<AdoptParts, 'blobs' | 'viewRoot' | 'ids'>, id: string) {
  if (!blobs.supports.localFiles || !existsSync(viewRoot)) return [];
  const { marker, foreign } = await lookAtViewRoot(viewRoot);
  if (marker === id) return [];
  if (foreign !== undefined) {
    return [
      `The job view root ${viewRoot} holds other content and was left: give the server another AGENT_JOB_ARTIFACT_ROOT.`,
    ];
  }
  await markViewRoot(viewRoot, id, ids);
  return [`The job view root ${viewRoot} belongs to store ${id} now.`];
}

/**
 * Returns the store id in the marker of the blob storage, or undefined if there is no marker. A damaged marker causes
 * no error, because the adoption replaces it.
 */
async function markerText(blobs: Blobs): Promise<string | undefined> {
  try {
    return await blobs.readMarker();
  } catch (error) {
    if (isAppError(error, 'integrity_failure')) return '(unreadable)';
    throw error;
  }
}

const keysAtOnce = 500;

async function countNamed(store: MetadataStore, blobs: Blobs): Promise<{ count: number; named: number }> {
  let count = 0;
  let named = 0;
  let keys: string[] = [];
  const ask = async (): Promise<void> => {
    named += (await store.blobOwners.statesOf(keys)).size;
    keys = [];
  };
  for await (const { key } of blobs.list({ onPlanted: () => undefined })) {
    count += 1;
    keys.push(key);
    if (keys.length === keysAtOnce) await ask();
  }
  await ask();
  return { count, named };
}
