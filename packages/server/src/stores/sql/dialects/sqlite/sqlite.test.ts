import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { metadataStoreContract } from '../../../metadata-store.contract.ts';
import { openMetadataStore } from '../../../open-metadata-store.ts';

metadataStoreContract('SQLite in a file', {
  fresh: async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'proofhouse-sqlite-'));
    return {
      store: await openMetadataStore(`sqlite:${folder}/metadata.db`),
      remove: () => rm(folder, { recursive: true, force: true }),
    };
  },
});

metadataStoreContract('SQLite in memory', {
  fresh: async () => ({ store: await openMetadataStore('sqlite::memory:') }),
});
