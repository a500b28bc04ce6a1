import { describe, expect, it } from 'vitest';
import { objection } from './import-directions.ts';

const server = 'packages/server/src';

describe('import directions', () => {
  const wrong: readonly (readonly [importer: string, specifier: string, reason: RegExp])[] = [
    ['packages/core/src/queue/job.ts', '@proofhouse/client', /core may not import client/],
    ['packages/core/src/queue/job.ts', 'node:fs', /runs in a browser/],
    ['packages/client/src/index.ts', 'node:crypto', /runs in a browser/],
    ['packages/client/src/index.ts', '@proofhouse/server', /without any server code/],
    ['packages/client/src/index.ts', '../../core/src/job.ts', /by its name/],
    ['packages/cli/src/main.ts', '@proofhouse/server', /await import/],
    [`${server}/kernel/clock.ts`, '../jobs/jobs.ts', /lowest layer/],
    [`${server}/jobs/jobs.ts`, '../stores/sql/jobs.ts', /through compose/],
    [`${server}/jobs/jobs.ts`, '../http/app.ts', /through compose/],
    [`${server}/jobs/jobs.ts`, '../tasks/tasks.ts', /make no cycle/],
    [`${server}/tasks/tasks.ts`, '../jobs/job-store.ts', /concrete type/],
    [`${server}/http/routes/jobs.ts`, '../../stores/metadata-store.ts', /a route decodes/],
    [`${server}/stores/sql/jobs.ts`, '../../http/app.ts', /nothing above/],
    [`${server}/compose/queue.ts`, '../run-server.ts', /does not run it/],
    [`${server}/http/app.ts`, '../compose/queue.ts', /a route decodes/],
    [`${server}/jobs/jobs.ts`, '../compose/queue.ts', /through compose/],
    [`${server}/maintenance/doctor.ts`, '../compose/compose.ts', /no server is constructed/],
    [`${server}/stores/sql/engine/statement.ts`, '../queue/queue-dialect.ts', /stand on it/],
    [`${server}/stores/sql/queue/jobs.ts`, '../dialects/sqlite/sqlite-engine.ts', /is given its dialect/],
  ];
  it.each(wrong)('%s may not import %s', (importer, specifier, reason) => {
    expect(objection(specifier, importer, false)).toMatch(reason);
  });

  const right: readonly (readonly [importer: string, specifier: string])[] = [
    ['packages/client/src/worker/loop.ts', 'node:os'],
    ['packages/client/src/uploader/upload.ts', '@proofhouse/blobs'],
    [`${server}/tasks/tasks.ts`, '../jobs/jobs.ts'],
    [`${server}/jobs/jobs.ts`, '../audit/audit.ts'],
    [`${server}/exports/exports.ts`, '../artifacts/artifacts.ts'],
    [`${server}/stores/sql/jobs.ts`, '../../jobs/job-store.ts'],
    [`${server}/http/routes/jobs.ts`, '../../jobs/jobs.ts'],
    [`${server}/compose/storage.ts`, '../stores/metadata-store.ts'],
    [`${server}/compose/http-server.ts`, '../http/app.ts'],
    [`${server}/maintenance/doctor.ts`, '../stores/metadata-store.ts'],
    [`${server}/run-server.ts`, './compose/compose.ts'],
    [`${server}/stores/sql/records/commits.ts`, '../queue/job-writes.ts'],
    ['scripts/demo.ts', '@proofhouse/server'],
  ];
  it.each(right)('%s may import %s', (importer, specifier) => {
    expect(objection(specifier, importer, false)).toBeUndefined();
  });

  it('the command may load the server lazily', () => {
    expect(objection('@proofhouse/server', 'packages/cli/src/commands/server/serve.ts', true)).toBeUndefined();
  });
});
