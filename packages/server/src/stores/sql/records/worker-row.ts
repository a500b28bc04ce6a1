import type { WorkerRecord } from '@proofhouse/core';
import type { WorkerRow } from '../engine/schema.ts';

export function workerFromRow(row: WorkerRow): WorkerRecord {
  return {
    id: row.id,
    name: row.name,
    experimentId: row.experiment_id,
    labels: JSON.parse(row.labels ?? '{}') as Record<string, string>,
    createdBy: row.created_by ?? 'admin',
    createdAt: row.created_at,
    version: row.version,
    registrationEpoch: row.registration_epoch,
  };
}

export function workerToRow(worker: WorkerRecord): WorkerRow {
  return {
    id: worker.id,
    name: worker.name,
    experiment_id: worker.experimentId,
    labels: JSON.stringify(worker.labels),
    created_by: worker.createdBy,
    created_at: worker.createdAt,
    version: worker.version,
    registration_epoch: worker.registrationEpoch,
  };
}
