import { AppError } from '@proofhouse/core';
import { sql, type Kysely } from 'kysely';
import { Migrator, type Migration } from 'kysely/migration';
import { firstTables } from './migrations/0001-jobs-artifacts-workers.ts';
import { workerPresence } from './migrations/0002-worker-presence.ts';
import { experimentsGroupsRetention } from './migrations/0003-experiments-groups-retention.ts';
import { routesInOrder } from './migrations/0004-routes-in-order.ts';
import { attemptsAndMakers } from './migrations/0009-attempts-and-makers.ts';
import { recordVersions } from './migrations/0010-record-versions.ts';
import { artifactContent } from './migrations/0011-artifact-content.ts';
import { jobRelations } from './migrations/0012-job-relations.ts';
import { blobOwners } from './migrations/0013-blob-owners.ts';
import { idleRoutes } from './migrations/0014-idle-routes.ts';
import { jobFindings } from './migrations/0015-job-findings.ts';
import { artifactHistory } from './migrations/0016-artifact-history.ts';
import { users } from './migrations/0017-users.ts';
import { audit } from './migrations/0018-audit.ts';
import type { OnProgress } from './migrations/on-progress.ts';
import type { SqlSyntax } from './engine/sql-syntax.ts';

type Migrations = Readonly<
  Record<string, (db: Kysely<unknown>, syntax: SqlSyntax, onProgress: OnProgress) => Promise<void>>
>;

/** The migrations in order. They only go forward. A published migration must not be changed; add a new one instead. */
export const migrations: Migrations = {
  '0001-jobs-artifacts-workers': firstTables,
  '0002-worker-presence': workerPresence,
  '0003-experiments-groups-retention': experimentsGroupsRetention,
  '0004-routes-in-order': routesInOrder,
  '0009-attempts-and-makers': attemptsAndMakers,
  '0010-record-versions': recordVersions,
  '0011-artifact-content': artifactContent,
  '0012-job-relations': jobRelations,
  '0013-blob-owners': blobOwners,
  '0014-idle-routes': idleRoutes,
  '0015-job-findings': jobFindings,
  '0016-artifact-history': artifactHistory,
  '0017-users': users,
  '0018-audit': audit,
};

/** The names of the migrations, in order. The last one is the version of the schema. */
export const schemaVersions: readonly string[] = Object.keys(migrations);

/**
 * Migrates the schema to this version. Several servers may call it at the same time. Throws `unsupported` if the schema
 * is of a newer version. `place` names the database in messages and must not contain a secret. `known` contains the
 * migrations of this version; tests replace it.
 */
export async function migrate(
  db: Kysely<unknown>,
  syntax: SqlSyntax,
  place: string,
  {
    known = migrations,
    onProgress = () => undefined,
  }: { known?: Migrations; onProgress?: OnProgress | undefined } = {},
): Promise<void> {
  const steps = Object.entries(known).map(([name, up]): [string, Migration] => [
    name,
    { up: (on) => up(on as Kysely<unknown>, syntax, onProgress) },
  ]);
  const provider = { getMigrations: async () => Object.fromEntries(steps) };
  const { error } = await new Migrator({ db, provider }).migrateToLatest();
  if (error === undefined) return;
  const unknown = await unknownMigration(db, known);
  if (unknown === undefined) throw error instanceof Error ? error : new Error('A migration failed.', { cause: error });
  const message = `The database ${place} was updated by a newer Proofhouse ("${unknown}"): start that version, or restore a backup.`;
  throw new AppError('unsupported', message);
}

async function unknownMigration(db: Kysely<unknown>, known: Migrations): Promise<string | undefined> {
  try {
    const applied = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db);
    return applied.rows.find(({ name }) => !Object.hasOwn(known, name))?.name;
  } catch {
    return undefined;
  }
}
