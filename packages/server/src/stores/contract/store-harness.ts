import { afterEach } from 'vitest';
import type { MetadataStore } from '../metadata-store.ts';

/** How a test gets stores of one engine. */
export interface StoreHarness {
  /** Opens a store on data of its own, empty. */
  fresh(): Promise<StoreUnderTest>;
}

export interface StoreUnderTest {
  readonly store: MetadataStore;
  /** Opens the same data once more, at the same time; absent where one server must be alone. */
  readonly another?: () => Promise<MetadataStore>;
  readonly remove?: () => Promise<void>;
}

/** Gives each test an empty store, and closes what a test opened. */
export function storesOf(harness: StoreHarness): {
  fresh: () => Promise<MetadataStore>;
  pair: () => Promise<[MetadataStore, MetadataStore]>;
} {
  const undo: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });
  const open = async (): Promise<StoreUnderTest> => {
    const opened = await harness.fresh();
    if (opened.remove !== undefined) undo.push(opened.remove);
    undo.push(() => opened.store.close());
    return opened;
  };
  return {
    fresh: async () => (await open()).store,
    // Where only one server may be on the data, the two are one.
    pair: async () => {
      const opened = await open();
      if (opened.another === undefined) return [opened.store, opened.store];
      const second = await opened.another();
      undo.push(() => second.close());
      return [opened.store, second];
    },
  };
}
