import { sql, type Kysely } from 'kysely';
import type { SqlSyntax } from '../engine/sql-syntax.ts';
import { createTable, type Columns } from './create-table.ts';

/**
 * Creates the tables of jobs with their events and routes, artifacts, workers with their credentials, idempotency keys
 * and settings. The tables have no foreign keys. Each transaction locks the rows to which it refers, so the engine
 * would only check them a second time, in the most frequent operations.
 */
export async function firstTables(db: Kysely<unknown>, syntax: SqlSyntax): Promise<void> {
  const { tableEnd, clusteredTableEnd, busyTableEnd } = syntax.columns;
  const table = (name: string, key: readonly string[], end: typeof tableEnd, columns: Columns) =>
    createTable(db, syntax, name, key, end, columns);

  await table('jobs', ['id'], busyTableEnd, jobColumns);
  await table('job_routes', ['id'], tableEnd, {
    id: 'text',
    type: 'text',
    repository: 'text?',
    capabilities: 'text',
  });
  await table('job_events', ['job_id', 'seq'], clusteredTableEnd, {
    job_id: 'text',
    seq: 'integer',
    kind: 'text',
    level: 'text',
    message: 'text',
    payload: 'text?',
    created_at: 'integer',
  });
  await table('artifacts', ['id'], tableEnd, artifactColumns);
  await table('artifact_paths', ['job_id', 'path'], clusteredTableEnd, { job_id: 'text', path: 'text', kind: 'text' });
  await table('workers', ['id'], tableEnd, { id: 'text', name: 'text?', created_at: 'integer' });
  await table('credentials', ['id'], tableEnd, credentialColumns);
  await table('idempotency_keys', ['principal', 'operation', 'key'], clusteredTableEnd, {
    principal: 'text',
    operation: 'text',
    key: 'text',
    fingerprint: 'text',
    resource_id: 'text',
    expires_at: 'integer',
  });
  await table('settings', ['name'], tableEnd, { name: 'text', value: 'text' });
  for (const index of indexes) await sql.raw(index).execute(db);
}

// The payload is the last column. Large payloads are on overflow pages, and SQLite can read the other columns without
// them.
const jobColumns: Columns = {
  id: 'text',
  type: 'text',
  category: 'text',
  status: 'text',
  ready: 'integer',
  route_id: 'text',
  priority: 'integer',
  required_capabilities: 'text',
  repository: 'text?',
  affinity_key: 'text?',
  created_by: 'text',
  parent_job_id: 'text?',
  claimed_by: 'text?',
  lease_id: 'text?',
  lease_expires_at: 'integer?',
  next_attempt_at: 'integer?',
  attempt: 'integer',
  max_attempts: 'integer',
  result_summary: 'text?',
  error_message: 'text?',
  cancel_requested_at: 'integer?',
  cancel_requested_by: 'text?',
  cancel_reason: 'text?',
  started_at: 'integer?',
  finished_at: 'integer?',
  ended_by: 'text?',
  created_at: 'integer',
  updated_at: 'integer',
  last_seq: 'integer',
  payload: 'text',
};

const artifactColumns: Columns = {
  id: 'text',
  uri: 'text',
  type: 'text',
  title: 'text',
  status: 'text',
  storage_provider: 'text',
  filename: 'text?',
  content_type: 'text',
  blob_key: 'text',
  blob_sha256: 'text',
  blob_size_bytes: 'integer',
  blob_fingerprint: 'text',
  data_class: 'text',
  visibility: 'text',
  source_type: 'text',
  job_id: 'text?',
  name: 'text?',
  created_by: 'text',
  tags: 'text',
  metadata: 'text',
  version: 'integer',
  created_at: 'integer',
  updated_at: 'integer',
};

const credentialColumns: Columns = {
  id: 'text',
  worker_id: 'text',
  secret_sha256: 'text',
  description: 'text?',
  policy: 'text',
  created_by: 'text',
  created_at: 'integer',
  expires_at: 'integer?',
  revoked_at: 'integer?',
  last_used_at: 'integer?',
  version: 'integer',
};

// The indexes of lists that filter by a category or a type. The filter by a status is optional. Without it, a list
// merges six ranges of one index, one range for each status.
const indexes = [
  'create index jobs_ready on jobs (route_id, priority desc, created_at, id) where ready = 1',
  "create index jobs_delayed on jobs (next_attempt_at) where status = 'queued' and ready = 0",
  "create index jobs_leased on jobs (lease_expires_at) where status = 'running'",
  "create index jobs_held on jobs (claimed_by, created_at, id) where status = 'running'",
  'create index jobs_newest on jobs (created_at, id)',
  'create index jobs_by_category on jobs (category, status, created_at, id)',
  'create index jobs_by_type on jobs (type, status, created_at, id)',
  'create unique index artifacts_uri on artifacts (uri)',
  'create unique index artifacts_blob_key on artifacts (blob_key)',
  'create index artifacts_of_job on artifacts (job_id, created_at, id)',
  'create index artifacts_of_job_by_name on artifacts (job_id, name, created_at, id)',
  'create unique index credentials_secret on credentials (secret_sha256)',
  'create index credentials_newest on credentials (created_at, id)',
  'create index credentials_of_worker on credentials (worker_id, created_at, id)',
  'create index idempotency_keys_expiry on idempotency_keys (expires_at)',
];
