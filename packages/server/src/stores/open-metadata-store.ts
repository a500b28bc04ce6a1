import { AppError } from '@proofhouse/core';
import type { Clock } from '../kernel/time/clock.ts';
import type { OnClockJump } from '../kernel/time/store-time.ts';
import type { MetadataStore } from './metadata-store.ts';
import { openSqliteEngine } from './sql/dialects/sqlite/sqlite-engine.ts';
import type { OnProgress } from './sql/migrations/on-progress.ts';
import { SqlMetadataStore } from './sql/sql-metadata-store.ts';

export interface MetadataStoreOptions {
  /**
   * Postgres only. Largest number of connections for transactions and look-ups. Four more connections serve lists, and
   * two more serve scans.
   */
  readonly maxConnections?: number;
  /** SQLite: called with a sentence for the operator, for example about a damaged WAL. */
  readonly onNotice?: (notice: string) => void;
  /** Called with a sentence after each part of a long migration. */
  readonly onProgress?: OnProgress;
  /** The clock of this process. Default: the system's clock. */
  readonly clock?: Clock;
  /** Postgres: true if `clock` replaces the database's clock, for tests. */
  readonly fixedTime?: boolean;
  /**
   * Called when somebody set the clock that the store uses. The argument is the change of the clock in milliseconds.
   */
  readonly onClockJump?: OnClockJump;
}

const accepted = 'sqlite:<path>, sqlite::memory:, postgres://… and postgresql://…';

/**
 * Opens the store at the URL, and migrates its schema to this version. Messages must not contain the URL, because it
 * may contain a password. Errors: `invalid_request` (no such kind of store), `unsupported` (not built yet, or a newer
 * schema), `unavailable`, `storage_full`, `internal` (the database is damaged, or is not a Proofhouse database).
 */
export async function openMetadataStore(url: string, options: MetadataStoreOptions = {}): Promise<MetadataStore> {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  switch (scheme) {
    case 'sqlite':
      return new SqlMetadataStore(await openSqliteEngine(sqlitePath(url), options));
    case 'postgres':
    case 'postgresql': {
      const { openPostgresEngine } = await import('./sql/dialects/postgres/postgres-engine.ts');
      return new SqlMetadataStore(await openPostgresEngine(url, options));
    }
    case 'dynamodb':
      throw new AppError('unsupported', `DynamoDB is not supported yet; accepted: ${accepted}.`);
    default:
      throw new AppError('invalid_request', `The database URL must be one of ${accepted}.`);
  }
}

/**
 * Returns the path in a URL of SQLite. `sqlite:a.db` and `sqlite://a.db` are relative; `sqlite:/a.db` and
 * `sqlite:///a.db` are absolute.
 */
export function sqlitePath(url: string): string {
  const path = url.slice('sqlite:'.length).replace(/^\/\/(?=.)/, '');
  if (path === '') throw new AppError('invalid_request', 'The database URL lacks a path: sqlite:<path>.');
  return path;
}
