import type { Kysely } from 'kysely';
import type { SqlSyntax } from '../engine/sql-syntax.ts';
import { addColumns } from './create-table.ts';

/**
 * Adds to each job the secrets that the scanner found in its texts. Artifacts have such a column since migration 0011.
 */
export async function jobFindings(db: Kysely<unknown>, syntax: SqlSyntax): Promise<void> {
  await addColumns(db, syntax, 'jobs', { findings: 'text?' });
}
