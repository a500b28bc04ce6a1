import { afterAll, beforeAll, describe, inject } from 'vitest';
import { metadataStoreContract } from '../../../metadata-store.contract.ts';
import { openMetadataStore } from '../../../open-metadata-store.ts';
import { testDatabase, type TestDatabase } from './testing/test-database.ts';

const server = inject('postgresUrl');

describe.skipIf(server === undefined)('with a server', () => {
  let template: TestDatabase;

  beforeAll(async () => {
    template = await testDatabase(server!);
    await (await openMetadataStore(template.url)).close();
  });
  afterAll(() => template.drop());

  metadataStoreContract(
    'Postgres',
    {
      fresh: async () => {
        const { url, drop } = await testDatabase(server!, template.url);
        return { store: await openMetadataStore(url), another: () => openMetadataStore(url), remove: drop };
      },
    },
    15,
  );
});
