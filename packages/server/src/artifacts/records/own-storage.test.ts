import { describe, expect, it } from 'vitest';
import { ownStorage } from './own-storage.ts';

const folders = ['/srv/proofhouse/var', '/mnt/blobs'];

describe('a local-dev URI', () => {
  const isOwn = ownStorage({ blobUrl: 'file:/mnt/blobs', folders });
  it.each([
    'local-dev:///srv/proofhouse/var',
    'local-dev:///srv/proofhouse/var/proofhouse.db',
    'local-dev:///mnt/blobs/a/b',
    'local-dev:////mnt//blobs/a',
    'local-dev:///mnt/x/../blobs/a',
    'local-dev:///mnt/%62lobs/a',
    'LOCAL-DEV:///mnt/blobs/a',
    'local-dev:///mnt/x/%2e%2e/blobs/a',
  ])('%s is in a folder of the server', (uri) => {
    expect(isOwn(uri, 'local-dev')).toBe(true);
  });
  it.each([
    'local-dev:///mnt/blobs-of-others/a',
    'local-dev:///srv/proofhouse/other',
    'local-dev://a/b',
    'local-dev:///%',
  ])('%s is not', (uri) => {
    expect(isOwn(uri, 'local-dev')).toBe(false);
  });
});

describe('an object of a bucket', () => {
  const isOwn = ownStorage({ blobUrl: 's3://our-bucket/blobs/', folders });
  it.each([
    's3://our-bucket/blobs/a',
    'S3://our-bucket/blobs',
    's3://OUR-bucket/blobs/a',
    's3://our-bucket/%62lobs/a',
    'https://our-bucket.s3.amazonaws.com/blobs/a',
    'https://our-bucket.s3.eu-central-1.amazonaws.com/blobs/a?versionId=1',
    'https://s3.eu-central-1.amazonaws.com/our-bucket/blobs/a',
    'https://s3-eu-west-1.amazonaws.com/our-bucket/blobs/a',
    'https://S3.amazonaws.com./our-bucket/blobs/a',
  ])('%s is below the prefix of the server', (uri) => {
    expect(isOwn(uri, uri.startsWith('http') ? 'external-url' : 's3')).toBe(true);
  });
  it.each([
    's3://our-bucket/blobs-2/a',
    's3://our-bucket/other/a',
    's3://another-bucket/blobs/a',
    'gs://our-bucket/blobs/a',
    'https://our-bucket.example.com/blobs/a',
    'https://storage.googleapis.com/our-bucket/blobs/a',
  ])('%s is not', (uri) => {
    expect(isOwn(uri, 's3')).toBe(false);
  });

  it('is any object of the bucket if the store has no prefix', () => {
    const whole = ownStorage({ blobUrl: 'gs://our-bucket', folders: [] });
    expect(whole('gs://our-bucket/any/key', 'gcs')).toBe(true);
    expect(whole('https://storage.googleapis.com/our-bucket/any', 'external-url')).toBe(true);
    expect(whole('https://our-bucket.storage.googleapis.com/any', 'external-url')).toBe(true);
    expect(whole('https://storage.cloud.google.com/our-bucket/any', 'external-url')).toBe(true);
  });
});
