import { describe, inject } from 'vitest';
import { metadataStoreContract } from '../../../metadata-store.contract.ts';
import { openMetadataStore } from '../../../open-metadata-store.ts';
import { migratedDatabase } from './testing/test-database.ts';

const server = inject('postgresUrl');

describe.skipIf(server === undefined)('with a server', () => {
  metadataStoreContract(
    'Postgres',
    {
      fresh: async () => {
        const { url, drop } = await migratedDatabase(server!);
        return { store: await openMetadataStore(url), another: () => openMetadataStore(url), remove: drop };
      },
    },
    15,
  );
});
