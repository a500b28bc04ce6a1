import { resolve, sep } from 'node:path';
import { hostOf, type StorageProvider } from '@proofhouse/core';

/** The places where this server stores bytes and records. */
export interface OwnPlaces {
  /** URL of the blob store. */
  readonly blobUrl: string;
  /** Absolute folders of the server: its data folder, and those that settings put elsewhere. */
  readonly folders: readonly string[];
}

/**
 * Returns a function that decides whether a URI is a place in which this server stores its own bytes. Such a place must
 * not be registered: only uploads and deposits refer to it, and retention removes bytes there.
 */
export function ownStorage({ blobUrl, folders }: OwnPlaces): (uri: string, provider: StorageProvider) => boolean {
  const bucket = bucketPrefix(blobUrl);
  const roots = folders.map((folder) => resolve(folder));
  return (uri, provider) => {
    if (provider === 'local-dev') return isInside(localPath(uri), roots);
    return bucket !== undefined && spellings(uri).some((spelling) => isBelow(objectOf(spelling), bucket));
  };
}

/** One object of a bucket, or all objects whose keys begin with `key`. */
interface BucketObject {
  readonly scheme: 's3' | 'gs';
  readonly bucket: string;
  readonly key: string;
}

function bucketPrefix(blobUrl: string): BucketObject | undefined {
  const match = /^(s3|gs):\/\/([^/?#]+)\/?([^?#]*)/i.exec(blobUrl);
  if (match === null) return undefined;
  const [, scheme = '', bucket = '', key = ''] = match;
  return { scheme: scheme.toLowerCase() as 's3' | 'gs', bucket: bucket.toLowerCase(), key: key.replace(/\/+$/, '') };
}

/** Returns the object that a URI names, also in the web addresses of S3 and Google Cloud Storage. */
function objectOf(uri: string): BucketObject | undefined {
  const named = /^(s3|gs):\/\//i.test(uri) ? bucketPrefix(uri) : undefined;
  if (named !== undefined) return named;
  const [, authority = '', path = ''] = /^https?:\/\/([^/?#]+)\/*([^?#]*)/i.exec(uri) ?? [];
  const host = hostOf(authority) ?? '';
  const virtual = /^(.+)\.(s3[.-][a-z0-9.-]*amazonaws\.com(?:\.cn)?|s3\.amazonaws\.com|storage\.googleapis\.com)$/.exec(
    host,
  );
  const scheme = host.endsWith('googleapis.com') || host === 'storage.cloud.google.com' ? 'gs' : 's3';
  if (virtual !== null) return { scheme, bucket: virtual[1] ?? '', key: path };
  if (
    !/^(?:s3[.-][a-z0-9.-]*amazonaws\.com(?:\.cn)?|s3\.amazonaws\.com|storage\.(?:googleapis|cloud\.google)\.com)$/.test(
      host,
    )
  ) {
    return undefined;
  }
  const [bucket = '', ...key] = path.split('/');
  return { scheme, bucket: bucket.toLowerCase(), key: key.join('/') };
}

function isBelow(object: BucketObject | undefined, prefix: BucketObject): boolean {
  if (object?.scheme !== prefix.scheme || object.bucket !== prefix.bucket) return false;
  return prefix.key === '' || object.key === prefix.key || object.key.startsWith(`${prefix.key}/`);
}

/** Returns the path of a `local-dev:` URI. A relative path is one in the working folder of the server. */
function localPath(uri: string): string {
  return resolve(decoded(uri.replace(/^local-dev:\/\//i, '').replace(/^\/+/, '/')));
}

function isInside(path: string, roots: readonly string[]): boolean {
  return roots.some((root) => path === root || path.startsWith(root.endsWith(sep) ? root : `${root}${sep}`));
}

function spellings(uri: string): readonly string[] {
  return [uri, decoded(uri)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
