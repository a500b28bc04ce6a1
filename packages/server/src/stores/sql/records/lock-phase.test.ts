import { expect, it } from 'vitest';
import { exists, insert, unchanged, update } from '../../../kernel/commit.ts';
import { commitOf, newArtifact, newWorker } from '../../contract/records.ts';
import { openSqliteEngine } from '../dialects/sqlite/sqlite-engine.ts';
import { SqlMetadataStore } from '../sql-metadata-store.ts';
import { watchSteps } from '../testing/watch-steps.ts';

it('a commit reads its records by kind and id before it writes, whatever the order in which they are named', async () => {
  const engine = await openSqliteEngine(':memory:');
  const steps: string[] = [];
  const watched = watchSteps(engine, () => ({ statement, params }) => {
    const [, verb, table] = /^(\w+) .*?"(artifacts|experiments|jobs|workers)"/.exec(
      statement.compiled(engine.dialect).sql,
    ) ?? [undefined, 'other', ''];
    const ids = (params as { ids?: string; id?: string }).ids ?? (params as { id?: string }).id;
    if (verb === 'select' || verb === 'update') steps.push(`${verb} ${table} ${ids ?? ''}`);
  });
  const store = new SqlMetadataStore(watched);
  const [a, b, worker] = [newArtifact(), newArtifact(), newWorker()];
  await store.commit(commitOf([insert('artifact', a), insert('artifact', b), insert('worker', worker)]));
  const preconditions = [exists('worker', worker.id), exists('artifact', b.id), unchanged('artifact', a.id, 1)];
  const changes = [update('worker', worker, 1), update('artifact', b, 1)];
  const runs: string[][] = [];
  for (const order of [preconditions, preconditions.toReversed()]) {
    steps.length = 0;
    await store.commit(
      commitOf(
        changes.map((change) => ({ ...change })),
        { preconditions: order },
      ),
    );
    runs.push([...steps]);
  }
  expect(runs[0]!.slice(0, 2)).toEqual([
    `select artifacts ${JSON.stringify([a.id, b.id])}`,
    `select workers ${JSON.stringify([worker.id])}`,
  ]);
  expect(runs[1]!.slice(0, 2)).toEqual(runs[0]!.slice(0, 2));
  expect(runs[0]!.findIndex((step) => step.startsWith('update'))).toBeGreaterThan(1);
  await store.close();
});
