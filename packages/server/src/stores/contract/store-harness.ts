import { afterEach } from 'vitest';
import type { MetadataStore } from '../metadata-store.ts';

/** Opens stores of one engine for tests. */
export interface StoreHarness {
  /** Opens an empty store with its own data. */
  fresh(): Promise<StoreUnderTest>;
}

export interface StoreUnderTest {
  readonly store: MetadataStore;
  /** Opens the same data a second time, concurrently; undefined for engines that allow only one server. */
  readonly another?: () => Promise<MetadataStore>;
  readonly remove?: () => Promise<void>;
}

/** Returns functions that give each test an empty store, and close the stores that a test opened. */
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
    // For an engine that allows only one server, both are the same store.
    pair: async () => {
      const opened = await open();
      if (opened.another === undefined) return [opened.store, opened.store];
      const second = await opened.another();
      undo.push(() => second.close());
      return [opened.store, second];
    },
  };
}
