import { irregularFingerprint, type Blobs } from '@proofhouse/blobs';
import { AppError, isAppError } from '@proofhouse/core';
import { z } from 'zod';
import type { BlobOwners } from '../kernel/blob-owners.ts';
import type { SettingStore } from '../kernel/setting-store.ts';

/** The id of a store. The database, the blob storage and the root of the job view that belong together have the same id. */
export interface StoreIdentity {
  /** The store id, a UUID. */
  readonly id: string;
  /**
   * Epoch ms at which the id was created or blobs were last adopted. Automatic collection does nothing for one grace
   * period after this time.
   */
  readonly since: number;
}

/** Facts about a database and a blob storage. `judgeStore` decides from them whether the two belong together. */
export interface StoreFacts {
  /** Store id in the database. Undefined if the database has none yet, because it is new or of an older version. */
  readonly databaseId: string | undefined;
  /** Store id in the marker of the blob storage. Undefined if there is no marker. */
  readonly marker: string | undefined;
  /** True if the database has a record that owns a blob. */
  readonly namesBlobs: boolean;
  /**
   * True if the blob storage has a blob that a record of the database owns. Blob keys are random, so one such blob is
   * proof that both belong together.
   */
  readonly holdsNamed: boolean;
  /** True if the blob storage has any blob. */
  readonly holdsBlobs: boolean;
}

export type StoreVerdict =
  | { readonly outcome: 'same' }
  /**
   * The blob storage has no marker and may get one. Either its blobs belong to this database, or neither the database
   * nor the storage has blobs.
   */
  | { readonly outcome: 'mark' }
  /** The database and the blob storage belong to different stores. `why` says in one sentence how they differ. */
  | { readonly outcome: 'refuse'; readonly why: string };

/** Advice at the end of each error message that says that a database and a blob storage do not belong together. */
export const adoptHint =
  'Check PROOFHOUSE_DATABASE_URL and PROOFHOUSE_BLOB_URL; only if these blobs are to belong to this database, run `proofhouse storage adopt`.';

const settingName = 'store';
const identitySchema = z.strictObject({ id: z.uuid(), since: z.int() });
/** Largest number of blob owners whose blobs are searched in the blob storage. */
const mostLookedFor = 100;

/** Decides from the facts whether a database and a blob storage belong to the same store. A pure function. */
export function judgeStore(facts: StoreFacts): StoreVerdict {
  const { databaseId, marker, namesBlobs, holdsNamed, holdsBlobs } = facts;
  if (marker !== undefined) {
    if (marker === databaseId) return { outcome: 'same' };
    const other = databaseId === undefined ? 'has no store id yet (it is new or older)' : `is store ${databaseId}`;
    return { outcome: 'refuse', why: `The blob storage belongs to store ${marker}, and the database ${other}.` };
  }
  if (holdsNamed || (!namesBlobs && !holdsBlobs)) return { outcome: 'mark' };
  const why = namesBlobs
    ? 'The blob storage bears no store id and holds none of the blobs that the database names: is its disk mounted?'
    : 'The blob storage holds blobs and the database names none of them.';
  return { outcome: 'refuse', why };
}

export interface StoreParts {
  readonly settings: SettingStore;
  readonly owners: Pick<BlobOwners, 'listOwned'>;
  readonly blobs: Blobs;
  /** True if the database is durable. */
  readonly databaseLasts: boolean;
}

/**
 * Determines the identity of the store when a server starts, and writes the marker into the blob storage. Throws
 * `unavailable` if the database and the blob storage belong to different stores.
 *
 * Several servers may start at the same time, and any of them may stop before the end. So the database gets its id
 * before the blob storage gets its marker, and neither is written where one exists. A blob storage without a marker is
 * judged again at the next start.
 *
 * A database in memory has no durable id. The server then writes no marker, and must not use a blob storage with a
 * marker. A blob storage in memory gets no marker either. Errors: `unavailable` (different stores), those of the
 * stores.
 */
export async function claimStore(parts: StoreParts, fresh: StoreIdentity): Promise<StoreIdentity> {
  const { settings, blobs, databaseLasts } = parts;
  if (!blobs.supports.durable) return parseIdentity(await settings.putIfAbsent(settingName, JSON.stringify(fresh)));
  // The marker must be read before the id in the database. A starting server writes the id first and the marker second.
  // So if this read finds the marker, the next read finds the id.
  const marker = await blobs.readMarker();
  if (!databaseLasts) {
    if (marker === undefined) return fresh;
    throw storesDiffer(`The blob storage belongs to store ${marker}, and the database is in memory.`);
  }
  const found = await findIdentity(settings);
  const verdict = judgeStore(await factsOf(parts, found?.id, marker));
  if (verdict.outcome === 'refuse') throw storesDiffer(verdict.why);
  const identity = parseIdentity(await settings.putIfAbsent(settingName, JSON.stringify(fresh)));
  const held = verdict.outcome === 'same' ? marker : await blobs.writeMarker(identity.id);
  if (held === identity.id) return identity;
  throw storesDiffer(
    `The blob storage was just marked by store ${String(held)}, and the database is store ${identity.id}.`,
  );
}

/**
 * Returns the facts of this database and blob storage for `judgeStore`. If there is a marker, blobs are not searched,
 * because the marker is sufficient for the decision.
 */
async function factsOf(
  { owners, blobs }: Pick<StoreParts, 'owners' | 'blobs'>,
  databaseId: string | undefined,
  marker: string | undefined,
): Promise<StoreFacts> {
  const facts = { databaseId, marker, namesBlobs: false, holdsNamed: false, holdsBlobs: false };
  if (marker !== undefined) return facts;
  const owned = await owners.listOwned(undefined, mostLookedFor);
  const keys = owned.map(({ key }) => key);
  return { ...facts, namesBlobs: keys.length > 0, ...(await blobFacts(blobs, keys)) };
}

/**
 * Searches a blob storage. Returns whether it has any blob, and whether it has one of the blobs in `keys`. These are
 * blob keys from the database.
 */
export async function blobFacts(
  blobs: Blobs,
  keys: readonly string[],
): Promise<Pick<StoreFacts, 'holdsNamed' | 'holdsBlobs'>> {
  const holdsNamed = await holdsAny(blobs, keys);
  return { holdsNamed, holdsBlobs: holdsNamed || (await holdsAnything(blobs)) };
}

async function holdsAny(blobs: Blobs, keys: readonly string[]): Promise<boolean> {
  for (const key of keys) {
    const stat = await blobs.stat(key).catch((error: unknown) => {
      if (isAppError(error, 'integrity_failure')) return undefined;
      throw error;
    });
    if (stat !== undefined) return true;
  }
  return false;
}

async function holdsAnything(blobs: Blobs): Promise<boolean> {
  for await (const { fingerprint } of blobs.list({ onPlanted: () => undefined })) {
    if (fingerprint !== irregularFingerprint) return true;
  }
  return false;
}

/**
 * Returns the identity that the database contains, or undefined if there is none. Errors: `internal` (it is damaged),
 * those of the store.
 */
export async function findIdentity(settings: SettingStore): Promise<StoreIdentity | undefined> {
  const text = await settings.get(settingName);
  return text === undefined ? undefined : parseIdentity(text);
}

/**
 * Renews the identity of a database that adopts blobs, and returns it. The database keeps its id if it has one. It gets
 * the `since` of `fresh`, so that a new grace period begins.
 */
export async function renewIdentity(settings: SettingStore, fresh: StoreIdentity): Promise<StoreIdentity> {
  const held = parseIdentity(await settings.putIfAbsent(settingName, JSON.stringify(fresh)));
  const renewed = { id: held.id, since: fresh.since };
  await settings.put(settingName, JSON.stringify(renewed));
  return renewed;
}

/** Reads an identity from the text of its setting. Throws `internal` if the text is damaged. */
export function parseIdentity(text: string): StoreIdentity {
  try {
    return identitySchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new AppError('internal', 'The store id in the database (setting "store") is damaged.', { cause });
  }
}

/**
 * Checks, while the server runs, that the database and the blob storage still belong to the same store as at the start.
 */
export class StoreGuard {
  readonly #parts: StoreParts;
  readonly identity: StoreIdentity;

  constructor(parts: StoreParts, identity: StoreIdentity) {
    this.#parts = parts;
    this.identity = identity;
  }

  /** Throws `unavailable` if the blob storage was replaced, unmounted or marked by another store. */
  async requireSameBlobs(): Promise<void> {
    const { blobs, databaseLasts } = this.#parts;
    if (!blobs.supports.durable) return;
    const marker = await blobs.readMarker();
    if (marker === (databaseLasts ? this.identity.id : undefined)) return;
    const now =
      marker === undefined ? 'bears no store id any more: is its disk mounted?' : `belongs to store ${marker} now.`;
    throw storesDiffer(`The blob storage ${now} This server was started for store ${this.identity.id}.`);
  }

  /** Throws `unavailable` if the database was replaced by the database of another store. */
  async requireSameDatabase(): Promise<void> {
    const { databaseLasts, settings } = this.#parts;
    if (!databaseLasts) return;
    const found = await findIdentity(settings);
    if (found?.id === this.identity.id) return;
    const now = found === undefined ? 'has no store id any more' : `is store ${found.id} now`;
    throw storesDiffer(`The database ${now}. This server was started for store ${this.identity.id}.`);
  }

  /** Checks both the blob storage and the database. Throws `unavailable` if one of them belongs to another store. */
  async requireSame(): Promise<void> {
    await this.requireSameBlobs();
    await this.requireSameDatabase();
  }
}

function storesDiffer(why: string): AppError {
  return new AppError('unavailable', `${why} ${adoptHint}`);
}
