import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Ids, type RandomBytes } from '../kernel/ids.ts';
import { ManualClock } from '../kernel/time/manual-clock.ts';
import { noSecretPolicy } from '../secrets/testing/no-secret-policy.ts';
import type { MetadataStore } from '../stores/metadata-store.ts';
import { openMetadataStore } from '../stores/open-metadata-store.ts';
import type { ExperimentStore } from './experiment-store.ts';
import { Experiments } from './experiments.ts';
import { Groups } from './groups.ts';
import { update } from '../kernel/commit.ts';

const admin = { kind: 'admin' } as const;
const secrets = noSecretPolicy();

describe('a nesting that meets those of other servers', () => {
  let store: MetadataStore;
  let clock: ManualClock;
  let experimentId: string;
  beforeEach(async () => {
    store = await openMetadataStore('sqlite::memory:');
    clock = new ManualClock();
    const parts = { store: store.experiments, commits: store, clock, ids: new Ids(clock), secrets };
    experimentId = (await new Experiments(parts).create(admin, {})).id;
  });
  afterEach(() => store.close());

  /**
   * Returns a `Groups` whose first `times` commits fail with a conflict, as if another server had committed first. Also
   * returns `looks`: the times (clock ms) at which this `Groups` read the nested groups.
   */
  function slower(times: number, random: RandomBytes): { groups: Groups; looks: number[] } {
    const looks: number[] = [];
    const { experiments } = store;
    const slow: Pick<ExperimentStore, 'find' | 'findGroup' | 'listGroups' | 'groupsHolding' | 'list' | 'nestedGroups'> =
      {
        find: (id) => experiments.find(id),
        list: (page) => experiments.list(page),
        findGroup: (id) => experiments.findGroup(id),
        listGroups: (filter, page) => experiments.listGroups(filter, page),
        groupsHolding: (id, memberId) => experiments.groupsHolding(id, memberId),
        nestedGroups: async (id) => {
          looks.push(clock.now());
          const found = await experiments.nestedGroups(id);
          if (looks.length > times) return found;
          const experiment = (await experiments.find(id))!;
          await store.commit({
            changes: [update('experiment', experiment, found.version)],
            preconditions: [],
            now: 0,
          });
          return found;
        },
      };
    return { groups: new Groups({ store: slow, commits: store, clock, ids: new Ids(clock), random, secrets }), looks };
  }

  async function asTimePasses(work: Promise<unknown>): Promise<void> {
    const state = { isOver: false };
    const end = (): void => {
      state.isOver = true;
    };
    void work.then(end, end);
    while (!state.isOver) {
      await turn();
      clock.advance(1);
    }
  }

  const shortest: RandomBytes = (count) => new Uint8Array(count);
  const longest: RandomBytes = (count) => new Uint8Array(count).fill(255);

  it.each([
    ['shortest', shortest, [1, 1, 1, 1, 1, 1, 1, 1, 1]],
    ['longest', longest, [10, 20, 40, 80, 160, 320, 500, 500, 500]],
  ])('is decided again, ten times, after waits that are as chance has them: the %s', async (_which, random, waits) => {
    const { groups, looks } = slower(9, random);
    const adding = groups.addMember(experimentId, 'admins', 'grp_x');
    await asTimePasses(adding);
    expect((await adding).members).toEqual(['grp_x']);
    // The test clock also advances while the store works. So the measured time may be longer than the delay between two
    // tries.
    for (const [index, wait] of waits.entries()) expect(looks[index + 1]! - looks[index]!).toBeGreaterThanOrEqual(wait);
    expect(looks).toHaveLength(10);
  });

  it('waits on the clock only, and not at all without a conflict', async () => {
    const { groups } = slower(0, longest);
    expect((await groups.addMember(experimentId, 'admins', 'grp_x')).members).toEqual(['grp_x']);
    const met = slower(1, longest);
    let isOver = false;
    const adding = met.groups.addMember(experimentId, 'admins', 'grp_y').finally(() => (isOver = true));
    for (let turns = 0; turns < 50; turns++) await turn();
    expect([isOver, met.looks.length]).toEqual([false, 1]);
    clock.advance(9);
    for (let turns = 0; turns < 50; turns++) await turn();
    expect(isOver).toBe(false);
    clock.advance(1);
    expect((await adding).members).toEqual(['grp_x', 'grp_y']);
  });

  it('fails with too_busy after repeated conflicts, without a change, and the next call succeeds', async () => {
    const { groups, looks } = slower(10, shortest);
    const adding = groups.addMember(experimentId, 'admins', 'grp_x');
    await asTimePasses(adding.catch(() => undefined));
    await expect(adding).rejects.toMatchObject({ code: 'too_busy' });
    expect((await groups.get(experimentId, 'admins')).members).toEqual([]);
    expect((await groups.create(admin, experimentId, { members: ['grp_x'] })).members).toEqual(['grp_x']);
    expect(looks).toHaveLength(11);
  });
});
