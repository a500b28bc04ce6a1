// Returns SQL that fills a database with rows which the statements of a test must not read.
import { start } from '../../contract/records.ts';

/**
 * Number of jobs in each of three groups that no worker of the tests may claim: claimable jobs of many other routes,
 * ended jobs, and jobs that are due much later.
 */
const ineligible = 50_000;
const finished = 50_000;
const delayed = 20_000;
const routesOfOthers = 40;

/**
 * Returns statements that insert jobs which no worker of the tests may claim. `series(count)` returns SQL for a table
 * with a column `n` that contains the numbers from 1 to `count`.
 */
export const othersSql = (series: (count: number) => string): string[] => [
  `insert into job_routes (id, type, repository, capabilities, number)
    select 'other-' || n, 'task', null, '["none-' || n || '"]', 1000 + n from ${series(routesOfOthers)}`,
  `insert into job_routes (id, type, repository, capabilities, number)
    select 'unused-' || n, 'task', null, '["unused-' || n || '"]', 2000 + n from ${series(5)}`,
  `insert into jobs (id, type, category, status, ready, route_id, priority, required_capabilities, created_by, attempt,
      max_attempts, created_at, updated_at, last_seq, payload)
    select 'other-' || n, 'task', 'work', 'queued', 1, 'other-' || (n % ${routesOfOthers} + 1), 9,
      '["none-' || (n % ${routesOfOthers} + 1) || '"]', 'x', 1, 3, ${start} + n, ${start}, 1, '{}'
    from ${series(ineligible)}`,
  `insert into jobs (id, type, category, status, ready, route_id, priority, required_capabilities, created_by, attempt,
      max_attempts, claimed_by, lease_id, finished_at, created_at, updated_at, last_seq, payload)
    select 'over-' || n, 'exec', 'work', case n % 4 when 0 then 'failed' when 1 then 'cancelled' when 2 then 'dead_letter'
      else 'succeeded' end, 0, 'over', 9, '[]', 'x', 1, 3, 'w' || (n % 9), 'l', ${start}, ${start} + n, ${start}, 3, '{}'
    from ${series(finished)}`,
  `insert into jobs (id, type, category, status, ready, route_id, priority, required_capabilities, created_by, attempt,
      max_attempts, next_attempt_at, created_at, updated_at, last_seq, payload)
    select 'later-' || n, 'exec', 'work', 'queued', 0, 'later', 9, '[]', 'x', 1, 3, ${start + 1e12} + n % 7, ${start} + n,
      ${start}, 1, '{}'
    from ${series(delayed)}`,
  `insert into worker_presence (worker_id, last_seen_at, capabilities)
    select 'seen-' || n, ${start} + n, '[]' from ${series(5000)}`,
  ...experimentsSql(series),
  ...peopleSql(series),
];

/** Returns statements that insert users with their tokens, sessions and sign-in codes. */
function peopleSql(series: (count: number) => string): string[] {
  return [
    `insert into users (id, name, role, epoch, version, created_at, updated_at)
      select 'user-' || n, 'n', case n % 50 when 0 then 'admin' else 'operator' end, 1, 1, ${start} + n, ${start}
      from ${series(5000)}`,
    `insert into user_tokens (id, user_id, sha256, may_act_for, epoch, created_by, created_at, version)
      select 'token-' || n, 'user-' || (n % 500), 'hash-' || n, 0, 1, 'admin', ${start} + n, 1 from ${series(20_000)}`,
    `insert into sessions (sha256, page_sha256, user_id, epoch, token_id, created_at, expires_at)
      select 'cookie-' || n, 'page-' || n, 'user-' || (n % 500), 1, 'token-' || n, ${start}, ${start + 1e10} + n
      from ${series(20_000)}`,
    `insert into sign_in_codes (sha256, user_id, epoch, expires_at)
      select 'code-' || n, 'user-' || n, 1, ${start + 1e10} + n from ${series(20_000)}`,
  ];
}

/** Returns statements that insert a hundred busy experiments among many small ones. */
function experimentsSql(series: (count: number) => string): string[] {
  return [
    `insert into experiments (id, created_by, created_at, version)
      select 'exp-' || n, 'admin', ${start} + n, 1 from ${series(5000)}`,
    `insert into groups (id, experiment_id, name, created_by, created_at)
      select 'grp_' || n, 'exp-' || (n % 100), 'name-' || (n % 7), 'admin', ${start} + n from ${series(20_000)}`,
    `insert into group_members (group_id, member_id, experiment_id, added_at, place)
      select 'grp_' || (n % 900), case n % 50 when 0 then 'grp_' || (n + 1) else 'wkr_' || n end, 'exp-' || (n % 100),
        ${start}, n from ${series(60_000)}`,
    `insert into workers (id, name, experiment_id, created_at)
      select 'wkr_' || n, 'name-' || (n % 7), case n % 2 when 0 then 'exp-' || (n % 100) end, ${start} + n
      from ${series(40_000)}`,
    `insert into artifacts (id, uri, type, title, status, storage_provider, content_type, blob_key, blob_sha256,
        blob_size_bytes, blob_fingerprint, data_class, visibility, source_type, produced_by, experiment_id, created_by,
        tags, metadata, pinned_at, purged_at, version, created_at, updated_at)
      select 'a-' || n, 'u-' || n, case n % 3 when 0 then 'log' else 'other' end, 't', 'draft', 'filesystem', 'c',
        'k-' || n, 's', n, 'f', 'internal', 'internal', 'manual-upload', 'person', case n % 2 when 0 then 'exp-' || (n % 100) end,
        'wkr_' || (n % 300), '[]', '{}', case n % 9 when 0 then 1 end, case n % 5 when 0 then 1 end, 1, ${start} + n,
        ${start} from ${series(60_000)}`,
    `insert into artifact_grants (artifact_id, reader, granted_by, granted_at)
      select 'a-' || (n % 5000), 'wkr_' || n, 'admin', ${start} from ${series(30_000)}`,
    `insert into artifact_history (id, artifact_id, created_at, actor, decision, from_status, to_status)
      select 'h-' || n, 'a-' || (n % 5000), ${start} + n, 'admin', 'submit', 'draft', 'needs-review'
      from ${series(30_000)}`,
    `insert into audit_entries (id, created_at, actor, operation, target, outcome, detail)
      select 'e-' || n, ${start} + n, 'admin', 'cancelJob', 'job:' || (n % 5000), 'done', '{}' from ${series(30_000)}`,
  ];
}
