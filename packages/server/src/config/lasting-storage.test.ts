import { describe, expect, it } from 'vitest';
import { lossesAtRestart } from './lasting-storage.ts';
import { loadConfig } from './load-config.ts';

const load = (env: Record<string, string>) => loadConfig({ env, flags: {} });
const production = { PROOFHOUSE_MODE: 'production', PROOFHOUSE_DATABASE_URL: 'postgres://db/x' };
const lambda = { AWS_LAMBDA_FUNCTION_NAME: 'proofhouse', PROOFHOUSE_DATABASE_URL: 'postgres://db/x' };

describe('a server refuses to start', () => {
  it.each([
    [{ ...production, PROOFHOUSE_BLOB_URL: 'memory:' }, /Memory stores/],
    [{ ...production, PROOFHOUSE_BLOB_URL: 'MEMORY:' }, /Memory stores/],
    [
      {
        PROOFHOUSE_MODE: 'production',
        PROOFHOUSE_DURABLE_FILESYSTEM: 'true',
        PROOFHOUSE_DATABASE_URL: 'sqlite::memory:',
      },
      /Memory stores/,
    ],
    [
      {
        PROOFHOUSE_MODE: 'production',
        PROOFHOUSE_DURABLE_FILESYSTEM: 'true',
        PROOFHOUSE_DATABASE_URL: 'SQLite://:memory:',
      },
      /Memory stores/,
    ],
    [production, /PROOFHOUSE_DURABLE_FILESYSTEM/],
    [{ ...production, PROOFHOUSE_BLOB_URL: 'FILE:/srv/blobs' }, /PROOFHOUSE_DURABLE_FILESYSTEM/],
    [{ ...production, PROOFHOUSE_DURABLE_FILESYSTEM: 'no' }, /PROOFHOUSE_DURABLE_FILESYSTEM/],
  ])('in production on storage that nobody called durable: %j', (env, sentence) => {
    expect(() => load(env)).toThrow(sentence);
  });

  it.each([
    [{ ...lambda }, /PROOFHOUSE_BLOB_URL.*Lambda/],
    [
      { ...lambda, PROOFHOUSE_MODE: 'production', PROOFHOUSE_DURABLE_FILESYSTEM: 'true' },
      /PROOFHOUSE_BLOB_URL.*Lambda/,
    ],
    [{ AWS_LAMBDA_FUNCTION_NAME: 'x', PROOFHOUSE_BLOB_URL: 's3://bucket' }, /PROOFHOUSE_DATABASE_URL.*Lambda/],
  ])('on Lambda with its folders, whatever was said of the disk: %j', (env, sentence) => {
    expect(() => load(env)).toThrow(sentence);
  });
});

it('a disk that was called durable is taken in production', () => {
  expect(load({ ...production, PROOFHOUSE_DURABLE_FILESYSTEM: 'true' }).durableFilesystem).toBe(true);
});

describe('data that is lost at a restart', () => {
  it('is listed for each store, with the consequences', () => {
    expect(lossesAtRestart({ database: true, blobs: true })).toEqual([]);
    expect(lossesAtRestart({ database: false, blobs: false })).toEqual([expect.stringMatching(/every byte/)]);
    expect(lossesAtRestart({ database: false, blobs: true })).toEqual([expect.stringMatching(/no longer be reached/)]);
    expect(lossesAtRestart({ database: true, blobs: false })).toEqual([expect.stringMatching(/downloads fail/)]);
  });
});
