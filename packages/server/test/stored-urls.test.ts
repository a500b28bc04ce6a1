// Sends each URL of the corpus, in every spelling, in each field of a record that can contain a URL.
import { describe, expect, it } from 'vitest';
import { visibleText } from '@proofhouse/core';
import { acceptedUrls, exampleChecksum as checksum, refusedUrls } from '@proofhouse/core/testing/url-corpus';
import { forAnyStore } from './support/for-each-store.ts';
import { fieldsAndFile, formBody, formType } from './support/form.ts';
import type { Answer, TestServer } from './support/test-server.ts';

const link = { type: 'external-link', title: 't', storageUri: 'https://h.example/a' } as const;

/** A place that contains a URL: the path that an error must name, and the request. */
interface Place {
  readonly path: string;
  readonly send: (t: TestServer, url: string) => Promise<Answer>;
}

async function change(t: TestServer, json: object): Promise<Answer> {
  const { artifact } = (await t.post('/api/artifacts', link)).json;
  return t.call('PUT', `/api/artifacts/${artifact.id as string}`, { json });
}

const form = (fields: Readonly<Record<string, string>>) => ({
  payload: formBody(fieldsAndFile(fields)),
  headers: { 'content-type': formType },
});

const uriPlaces: Readonly<Record<string, Place>> = {
  'storageUri of a registration': {
    path: 'storageUri',
    send: (t, storageUri) => t.post('/api/artifacts', { ...link, storageUri, checksum }),
  },
  'storageUri of an update': {
    path: 'storageUri',
    send: (t, storageUri) => change(t, { storageUri, checksum }),
  },
};

const metadataPlaces: Readonly<Record<string, Place>> = {
  'metadata of a registration': {
    path: 'metadata.deep.1.link',
    send: (t, url) => t.post('/api/artifacts', { ...link, metadata: { deep: [0, { link: url }] } }),
  },
  'metadata of an update': {
    path: 'metadata.deep.1.link',
    send: (t, url) => change(t, { metadata: { deep: [0, { link: url }] } }),
  },
  'metadata of an upload outside of jobs': {
    path: 'metadata.link',
    send: (t, url) => t.call('POST', '/api/artifacts/upload', form({ metadata: JSON.stringify({ link: url }) })),
  },
  'metadata of an upload to a job': {
    path: 'metadata.link',
    send: async (t, url) => {
      const fields = { name: t.unique('a'), metadata: JSON.stringify({ link: url }) };
      return t.call('POST', `/api/queue/jobs/${(await t.enqueue()).id}/artifacts/upload`, form(fields));
    },
  },
};

const shown = (text: string): string => visibleText(JSON.stringify(text.slice(0, 80)));

forAnyStore('a URL', (harness) => {
  describe.each(Object.entries(uriPlaces))('as %s', (_name, { path, send }) => {
    it('is accepted if the policy accepts it, and the provider is inferred', async () => {
      for (const { url, provider } of acceptedUrls) {
        const { status, json, text } = await send(harness(), url);
        expect([200, 201], `${url}: ${text}`).toContain(status);
        expect(json.artifact).toMatchObject({ storageUri: url, storageProvider: provider });
      }
    });

    it('is refused with its field in every refused spelling', async () => {
      for (const { url } of refusedUrls) {
        const answer = await send(harness(), url);
        expect(answer, shown(url)).toMatchObject({ status: 422, json: { errors: [{ path }] } });
      }
    });
  });

  describe.each(Object.entries(metadataPlaces))('in %s', (_name, { path, send }) => {
    it('is accepted if the policy accepts it', async () => {
      for (const { url } of acceptedUrls) {
        const { status, text } = await send(harness(), url);
        expect([200, 201], `${url}: ${text}`).toContain(status);
      }
    });

    it('is refused with its path if it is signed or contains a script or bytes', async () => {
      for (const { url, because } of refusedUrls) {
        if (because === 'form') continue;
        const answer = await send(harness(), url);
        const refused = { status: 422, json: { code: 'storage_policy', errors: [{ path }] } };
        expect(answer, shown(url)).toMatchObject(refused);
      }
    });
  });
});

const localFiles = ['local-dev://fixtures/a.txt', '/tmp/a.txt', 'reports/a.txt', 'file:///tmp/a.txt'];
const blobs = { blobUrl: 'memory:', databaseUrl: 'sqlite::memory:' } as const;

forAnyStore(
  'in local mode a file of the machine',
  (harness) => {
    it('becomes local-dev, as path, as file: URI and as local-dev: URI, and its content is never opened', async () => {
      for (const storageUri of localFiles) {
        const { status, json } = await harness().post('/api/artifacts', { ...link, storageUri, checksum });
        expect(status, storageUri).toBe(201);
        expect(json.artifact).toMatchObject({ storageProvider: 'local-dev' });
        expect(json.artifact.storageUri).toMatch(/^local-dev:\/\//);
        const content = await harness().get(`/api/artifacts/${json.artifact.id as string}/content`);
        expect(content).toMatchObject({ status: 409, json: { code: 'not_owned' } });
      }
    });
  },
  { settings: { mode: 'local' } },
);

forAnyStore('in test mode a file of the machine', (harness) => {
  it('is accepted as local-dev: URI only', async () => {
    const answers = await Promise.all(
      localFiles.map((storageUri) => harness().post('/api/artifacts', { ...link, storageUri, checksum })),
    );
    expect(answers.map(({ status }) => status)).toEqual([201, 422, 422, 422]);
  });
});

describe.each([
  ['in production', { mode: 'production', durableFilesystem: true }],
  ['on AWS Lambda', { mode: 'local', lambdaFunction: 'f', ...blobs }],
] as const)('%s', (_where, settings) => {
  forAnyStore(
    'a file of the machine',
    (harness) => {
      it('is refused on create and update, and a record of another mode can still be changed', async () => {
        const t = harness();
        for (const storageUri of localFiles) {
          for (const place of Object.values(uriPlaces)) {
            const refused = { status: 422, json: { code: 'storage_policy', errors: [{ path: 'storageUri' }] } };
            expect(await place.send(t, storageUri), storageUri).toMatchObject(refused);
          }
        }
        const { artifact } = (await t.post('/api/artifacts', link)).json;
        const record = await t.server.store.artifacts.find(artifact.id as string);
        if (record === undefined) throw new Error('no such artifact');
        const content = { kind: 'pointer', uri: 'local-dev://a', checksum, sizeBytes: null } as const;
        const value = { ...record, storageProvider: 'local-dev', content } as const;
        const change = { kind: 'update', record: 'artifact', value, version: 1 } as const;
        await t.server.store.commit({ changes: [change], preconditions: [] });
        const json = { title: 'Another', storageUri: 'local-dev://a' };
        expect((await t.call('PUT', `/api/artifacts/${record.id}`, { json })).status).toBe(200);
      });
    },
    { settings },
  );
});
