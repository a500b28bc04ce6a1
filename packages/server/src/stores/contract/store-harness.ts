import { afterEach } from 'vitest';
import type { MetadataStore } from '../metadata-store.ts';

/** Opens stores of one engine for contract tests. */
export interface StoreHarness {
  /** Opens an empty store with its own data. */
  fresh(): Promise<StoreUnderTest>;
}

export interface StoreUnderTest {
  readonly store: MetadataStore;
  /**
   * Opens a second store on the same data, which is used at the same time as the first. Undefined for engines that
   * allow only one server.
   */
  readonly another?: () => Promise<MetadataStore>;
  readonly remove?: () => Promise<void>;
}

/**
 * Returns two functions: one opens an empty store, the other opens a pair of stores on the same data. All stores are
 * closed after each test.
 */
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
    // An engine that allows only one server gets the same store twice.
    pair: async () => {
      const opened = await open();
      if (opened.another === undefined) return [opened.store, opened.store];
      const second = await opened.another();
      undo.push(() => second.close());
      return [opened.store, second];
    },
  };
}
