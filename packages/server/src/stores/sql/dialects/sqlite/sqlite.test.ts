import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { metadataStoreContract } from '../../../metadata-store.contract.ts';
import { openMetadataStore } from '../../../open-metadata-store.ts';
import { SqlMetadataStore } from '../../sql-metadata-store.ts';
import { openSqliteEngine } from './sqlite-engine.ts';

metadataStoreContract('SQLite in a file', {
  fresh: async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'proofhouse-sqlite-'));
    return {
      // Every scan runs in a thread, because this limit for the size of the database is 0 bytes.
      store: new SqlMetadataStore(await openSqliteEngine(`${folder}/metadata.db`, { threadFromBytes: 0 })),
      remove: () => rm(folder, { recursive: true, force: true }),
    };
  },
});

metadataStoreContract('SQLite in memory', {
  fresh: async () => ({ store: await openMetadataStore('sqlite::memory:') }),
});
