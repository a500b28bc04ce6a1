import { afterAll, beforeAll, describe, inject, it } from 'vitest';
import { metadataStoreContract } from '../../../metadata-store.contract.ts';
import { openMetadataStore } from '../../../open-metadata-store.ts';
import { testDatabase, type TestDatabase } from './testing/test-database.ts';

const server = inject('postgresUrl');

describe.runIf(server !== undefined)('with a server', () => {
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

it.skipIf(server !== undefined)('Postgres is skipped: there is no server', (context) => {
  context.skip();
});
