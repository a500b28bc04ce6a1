import { irregularFingerprint, type Blobs } from '@proofhouse/blobs';
import { AppError, isAppError } from '@proofhouse/core';
import { z } from 'zod';
import type { BlobOwners } from '../kernel/blob-owners.ts';
import type { SettingStore } from '../kernel/setting-store.ts';

/** The id of a store. It is in the database, in the storage of its blobs and in the root of its job view. */
export interface StoreIdentity {
  /** A UUID. */
  readonly id: string;
  /**
   * Epoch ms: when the id was created, or blobs were last adopted. Automatic collection does nothing for one grace
   * period after it.
   */
  readonly since: number;
}

/** The facts for the decision. */
export interface StoreFacts {
  /** Id in the database; undefined if it has none yet, because it is new or of an older version. */
  readonly databaseId: string | undefined;
  /** Marker in the blob storage. */
  readonly marker: string | undefined;
  /** True if the database has a record whose bytes are kept. */
  readonly namesBlobs: boolean;
  /** True if the storage has bytes of such a record. Keys are random, so one is a proof. */
  readonly holdsNamed: boolean;
  /** True if the storage has any blob. */
  readonly holdsBlobs: boolean;
}

export type StoreVerdict =
  | { readonly outcome: 'same' }
  /** The storage has no marker and may get one: its blobs belong to this database, or neither has any. */
  | { readonly outcome: 'mark' }
  /** One sentence that describes the difference. */
  | { readonly outcome: 'refuse'; readonly why: string };

/** Advice at the end of every message about a refusal. */
export const adoptHint =
  'Check PROOFHOUSE_DATABASE_URL and PROOFHOUSE_BLOB_URL; only if these blobs are to belong to this database, run `proofhouse storage adopt`.';

const settingName = 'store';
const identitySchema = z.strictObject({ id: z.uuid(), since: z.int() });
/** Number of records whose bytes are searched for. */
const mostLookedFor = 100;

/** Decides whether a database and a blob storage belong to the same store. Pure. */
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
 * Determines the identity of the store at a start, and writes it as marker into the blob storage unless something
 * contradicts. It is safe when several servers start at once and when any of them is stopped in between: the database
 * gets its id before the storage gets its marker, each is written only if there is none, and a storage without a marker
 * is judged again. A database in memory has no durable id: it writes no marker and may not use storage with the marker
 * of another store. Blobs in memory get no marker either. Errors: `unavailable` (different stores), those of the
 * stores.
 */
export async function claimStore(parts: StoreParts, fresh: StoreIdentity): Promise<StoreIdentity> {
  const { settings, blobs, databaseLasts } = parts;
  if (!blobs.supports.durable) return parseIdentity(await settings.putIfAbsent(settingName, JSON.stringify(fresh)));
  // The marker must be read first: another starting server writes the id into the database before it writes the marker.
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

/** Returns the facts of this database and storage for `judgeStore`. */
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

/** Returns the facts of a storage, for keys that the database refers to. */
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

/** Returns the identity in the database, or undefined. Errors: `internal` (damaged), those of the store. */
export async function findIdentity(settings: SettingStore): Promise<StoreIdentity | undefined> {
  const text = await settings.get(settingName);
  return text === undefined ? undefined : parseIdentity(text);
}

/** Returns the identity of a database that adopts blobs: its own id if it has one, and a new grace period. */
export async function renewIdentity(settings: SettingStore, fresh: StoreIdentity): Promise<StoreIdentity> {
  const held = parseIdentity(await settings.putIfAbsent(settingName, JSON.stringify(fresh)));
  const renewed = { id: held.id, since: fresh.since };
  await settings.put(settingName, JSON.stringify(renewed));
  return renewed;
}

/** Errors: `internal`. */
export function parseIdentity(text: string): StoreIdentity {
  try {
    return identitySchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new AppError('internal', 'The store id in the database (setting "store") is damaged.', { cause });
  }
}

/** Checks, while the server runs, that database and blobs are still those of the start. */
export class StoreGuard {
  readonly #parts: StoreParts;
  readonly identity: StoreIdentity;

  constructor(parts: StoreParts, identity: StoreIdentity) {
    this.#parts = parts;
    this.identity = identity;
  }

  /** Errors: `unavailable` when the blob storage was replaced, unmounted or taken by another store. */
  async requireSameBlobs(): Promise<void> {
    const { blobs, databaseLasts } = this.#parts;
    if (!blobs.supports.durable) return;
    const marker = await blobs.readMarker();
    if (marker === (databaseLasts ? this.identity.id : undefined)) return;
    const now =
      marker === undefined ? 'bears no store id any more: is its disk mounted?' : `belongs to store ${marker} now.`;
    throw storesDiffer(`The blob storage ${now} This server was started for store ${this.identity.id}.`);
  }

  /** Errors: `unavailable` when the database was replaced by one of another store. */
  async requireSameDatabase(): Promise<void> {
    const { databaseLasts, settings } = this.#parts;
    if (!databaseLasts) return;
    const found = await findIdentity(settings);
    if (found?.id === this.identity.id) return;
    const now = found === undefined ? 'has no store id any more' : `is store ${found.id} now`;
    throw storesDiffer(`The database ${now}. This server was started for store ${this.identity.id}.`);
  }

  /** Throws if collection must not remove anything. Errors: `unavailable` (different stores). */
  async requireSame(): Promise<void> {
    await this.requireSameBlobs();
    await this.requireSameDatabase();
  }
}

function storesDiffer(why: string): AppError {
  return new AppError('unavailable', `${why} ${adoptHint}`);
}
