import type { ExperimentRecord } from '@proofhouse/core';
import type { ExperimentRow } from '../engine/schema.ts';

export function experimentFromRow(row: ExperimentRow): ExperimentRecord {
  return {
    id: row.id,
    name: row.name,
    createdBy: row.created_by,
    createdAt: row.created_at,
    version: row.version,
  };
}

export function experimentToRow({ id, name, createdBy, createdAt, version }: ExperimentRecord): ExperimentRow {
  return { id, name, created_by: createdBy, created_at: createdAt, version };
}
