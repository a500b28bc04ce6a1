import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { claimBy, newJob } from '../../contract/records.ts';
import { openSqliteEngine } from '../dialects/sqlite/sqlite-engine.ts';
import { RouteCache } from './route-cache.ts';
import { readDueTimes } from './due-times.ts';
import type { QueueEngine } from './queue-dialect.ts';
import { rawStatement } from '../testing/raw-statement.ts';
import { put, Undo } from '../engine/verb.ts';

const job = (repository: string) => newJob({ repository });

describe('cached routes', () => {
  let engine: QueueEngine;
  let routes: RouteCache;

  beforeEach(async () => {
    engine = await openSqliteEngine(':memory:');
    routes = new RouteCache();
  });
  afterEach(() => engine.close());

  function* readAll(cache: RouteCache) {
    return yield* cache.readUpTo((yield* readDueTimes()).lastRoute);
  }

  const repositoriesFor = async (scope = claimBy('w')): Promise<(string | null)[]> => {
    const all = await engine.write(() => readAll(routes));
    routes.fill(all);
    const { ids } = routes.matching(all, scope);
    return all.routes.filter(({ id }) => ids.has(id)).map(({ repository }) => repository);
  };

  it('are those that were committed: a number that was undone is given to another, which is found', async () => {
    const undone = engine.write(function* () {
      yield* routes.intern(engine.dialect, [job('org/undone')]);
      const seen = yield* readAll(routes);
      const scope = claimBy('w');
      expect(routes.matching(seen, scope).ids.size).toBe(1);
      throw new Undo(seen);
    });
    expect(await undone).toMatchObject({ routes: [{ repository: 'org/undone', number: 1 }], last: 1 });
    await engine.write(() => routes.intern(engine.dialect, [job('org/kept')]));
    expect(await repositoriesFor()).toEqual(['org/kept']);
    await engine.write(() => routes.intern(engine.dialect, [job('org/undone')]));
    expect(await repositoriesFor()).toEqual(['org/kept', 'org/undone']);
  });

  it('narrow by what a claimer may have, also those that come later, and name equal sets alike', async () => {
    await engine.write(() => routes.intern(engine.dialect, [job('org/a'), job('org/b')]));
    const [onlyA, other] = [claimBy('w', { repositories: ['org/a'] }), claimBy('w', { capabilities: ['git'] })];
    expect(await repositoriesFor(onlyA)).toEqual(['org/a']);
    expect(await repositoriesFor(other)).toEqual(['org/a', 'org/b']);
    const gpu = newJob({ repository: 'org/a', requiredCapabilities: ['git'] });
    await engine.write(() => routes.intern(engine.dialect, [gpu, job('org/a'), job('org/c')]));
    expect(await repositoriesFor(onlyA)).toEqual(['org/a']);
    expect(await repositoriesFor(other)).toEqual(['org/a', 'org/b', 'org/a', 'org/c']);
    expect(await repositoriesFor()).toEqual(['org/a', 'org/b', 'org/c']);
    const all = await engine.write(() => readAll(routes));
    const unused = claimBy('w', { capabilities: ['never-asked-for'] });
    expect(routes.matching(all, unused).name).toBe(routes.matching(all, claimBy('w')).name);
  });

  it('that an older version wrote without a number are numbered when they are used again', async () => {
    await engine.write(() => routes.intern(engine.dialect, [job('org/a')]));
    await engine.write(() => put(rawStatement('update job_routes set number = null'), {}));
    expect(await repositoriesFor()).toEqual([]);
    await engine.write(() => new RouteCache().intern(engine.dialect, [job('org/a')]));
    expect(await repositoriesFor()).toEqual(['org/a']);
  });
});
