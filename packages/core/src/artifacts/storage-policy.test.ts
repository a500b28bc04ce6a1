import { describe, expect, it } from 'vitest';
import { exampleChecksum as checksum } from '../testing/url-corpus.ts';
import { artifactTypes, dataClasses, storageProviders } from './artifact.ts';
import { pointerViolations } from './storage-policy.ts';

const pointer = { kind: 'pointer', uri: 'x', checksum, sizeBytes: null } as const;
const blob = { key: 'k', sha256: 'a', sizeBytes: 1, fingerprint: 'f' };
const internal = { type: 'other', dataClass: 'internal' } as const;
const paths = (record: Parameters<typeof pointerViolations>[0]) => pointerViolations(record).map(({ path }) => path);

describe('a pointer', () => {
  it.each(storageProviders)('at %s needs a checksum if its bytes have no other keeper', (storageProvider) => {
    const needs = ['s3', 'gcs', 'filesystem', 'local-dev'].includes(storageProvider);
    const without = { ...internal, storageProvider, content: { ...pointer, checksum: null } };
    expect(paths(without)).toEqual(needs ? ['checksum'] : []);
    expect(paths({ ...internal, storageProvider, content: pointer })).toEqual([]);
  });

  it.each(dataClasses)('at GitHub must not be private or sensitive, also if it is %s', (dataClass) => {
    const isKept = dataClass === 'private' || dataClass === 'sensitive';
    const record = { type: 'other', dataClass, content: pointer } as const;
    expect(paths({ ...record, storageProvider: 'github' })).toEqual(isKept ? ['dataClass'] : []);
    expect(paths({ ...record, storageProvider: 'dropbox' })).toEqual([]);
  });

  it.each(artifactTypes)('at GitHub must be no recording, invoice or transcript, also if it is of type %s', (type) => {
    const isKept = ['recording', 'invoice', 'transcript'].includes(type);
    const record = { type, dataClass: 'internal', content: pointer } as const;
    expect(paths({ ...record, storageProvider: 'github' })).toEqual(isKept ? ['type'] : []);
    expect(paths({ ...record, storageProvider: 'google-drive' })).toEqual([]);
  });
});

it('owned content has no violations', () => {
  const record = { type: 'invoice', dataClass: 'private', content: { kind: 'owned', blob } } as const;
  for (const storageProvider of storageProviders) expect(paths({ ...record, storageProvider })).toEqual([]);
});
