import { describe, expect, it } from 'vitest';
import { openMetadataStore } from './open-metadata-store.ts';

describe('the database URL', () => {
  it.each([
    ['dynamodb://eu-central-1/table', 'unsupported', /sqlite:<path>/],
    ['mysql://root:hunter2@localhost/db', 'invalid_request', /sqlite:<path>/],
    ['metadata.db', 'invalid_request', /sqlite:<path>/],
    ['', 'invalid_request', /sqlite:<path>/],
    ['sqlite:', 'invalid_request', /lacks a path/],
    ['postgres://user:hunter2@[bad/db', 'invalid_request', /cannot be read/],
    ['postgres://user:hunter2@127.0.0.1:1/db', 'unavailable', /127\.0\.0\.1:1\/db cannot be reached/],
  ] as const)('%s is refused as %s without its password', async (url, code, message) => {
    const opened = openMetadataStore(url);
    await expect(opened).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    await expect(opened).rejects.toMatchObject({ message: expect.not.stringContaining('hunter2') });
  });

  it('opens a store in memory', async () => {
    const store = await openMetadataStore('sqlite::memory:');
    expect([store.kind, store.durable]).toEqual(['sqlite', false]);
    await store.close();
  });
});
