import type { StorageProvider } from '../artifacts/artifact.ts';

/** A URL that the storage policy accepts. Also the provider that is derived from it. */
export interface AcceptedUrl {
  readonly url: string;
  readonly provider: StorageProvider;
}

/** Checksum for pointers in tests. */
export const exampleChecksum = `sha256:${'0123456789abcdef'.repeat(4)}`;

const accepted = (provider: StorageProvider, urls: readonly string[]): AcceptedUrl[] =>
  urls.map((url) => ({ url, provider }));

/** Spellings of URLs that the storage policy accepts. Metadata may contain them too. */
export const acceptedUrls: readonly AcceptedUrl[] = [
  ...accepted('s3', [
    's3://bucket/key',
    's3://my.bucket-1/a/b/report.pdf',
    'S3://bucket/a%20b',
    's3://bucket//odd//key',
  ]),
  ...accepted('gcs', ['gs://bucket/key', 'gs://my_bucket/2026/01/take-1.wav']),
  ...accepted('github', [
    'https://github.com/o/r/blob/main/docs/sop.md#L10',
    'https://GitHub.com./o/r',
    'https://raw.githubusercontent.com/o/r/main/a.md',
    'https://gist.github.com/me/0123',
    'https://gist.githubusercontent.com/me/0123/raw/a.md',
  ]),
  ...accepted('dropbox', [
    'https://www.dropbox.com/scl/fi/abc123/take-1.wav?rlkey=k2j3h4g5f6d7s8a9&dl=0',
    'https://dropbox.com/home/podcast',
  ]),
  ...accepted('google-drive', [
    'https://drive.google.com/file/d/1A2b3C4d5E6f7G8h9I0jK1l2M3n4O5p6Q/view?usp=sharing&resourcekey=0-AbCdEfGh',
    'https://docs.google.com/document/d/1A2b3C4d5E6f7G8h9I0jK1l2M3n4O5p6Q/edit#heading=h.1',
  ]),
  ...accepted('external-url', [
    'https://youtu.be/dQw4w9WgXcQ?t=10',
    'https://www.youtube.com/watch?v=dQw4w9WgXcQ&list=PL1',
    'https://lu.ma/agents-meetup',
    'https://open.spotify.com/episode/4rOoJ6Egrf8K2IrywzwOMk?si=9f8e7d6c',
    'https://api.example/list?nextPageToken=CAUQAA&pageSize=10',
    'https://api.example/list?continuationToken=1&token_count=2&tokenType=x',
    'http://[::1]:8750/a:b',
    'http://127.0.0.1:8080/',
    'https://bücher.example/Übersicht?q=secretary',
    'https://example.org/a?Expires=1767225600',
    'https://notgithub.com/o/r',
    'https://github.com.example.org/o/r',
    'https://example.org/path?next=https%3A%2F%2Fother.example%2F%3Fpage%3D2',
  ]),
];

/** A URL that the storage policy refuses. */
export interface RefusedUrl {
  readonly url: string;
  /**
   * Why the URL is refused. `signed`: it gives access to everyone who has it, so no field may contain it, not even
   * metadata. `embedding`: it contains a script or bytes, so no field may contain it. `form`: it does not lead to a
   * durable place, so only texts that are not URLs may contain it.
   */
  readonly because: 'signed' | 'embedding' | 'form';
}

const refused = (because: RefusedUrl['because'], urls: readonly string[]): RefusedUrl[] =>
  urls.map((url) => ({ url, because }));

export const refusedUrls: readonly RefusedUrl[] = [
  ...refused('signed', [
    'https://bucket.s3.amazonaws.com/a?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=60&X-Amz-Signature=00',
    'https://bucket.s3.amazonaws.com/a?x-amz-credential=AK%2F20260101',
    'https://bucket.s3.amazonaws.com/a?X-Amz-Security-Token=00',
    'https://bucket.s3.amazonaws.com/a?AWSAccessKeyId=AK&Expires=1&Signature=x',
    's3://bucket/key?X-Amz-Signature=00',
    'https://storage.googleapis.com/b/a?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Signature=00',
    'https://storage.googleapis.com/b/a?X-Goog-Credential=me',
    'https://storage.googleapis.com/b/a?GoogleAccessId=me&Expires=1&Signature=x',
    'https://account.blob.core.windows.net/c/a?sv=2024-01-01&se=2026-01-01&sr=b&sp=r&sig=00',
    'https://d1.cloudfront.net/a?Expires=1&Signature=x&Key-Pair-Id=K',
    'https://d1.cloudfront.net/a?Expires=1&Key-Pair-Id=K',
    'https://d1.cloudfront.net/a?Policy=x&Key-Pair-Id=K',
    'https://h.example/?token=1',
    'https://h.example/a?access_token=1',
    'https://h.example/a?accessToken=1',
    'https://h.example/a?auth_token=1&page=2',
    'https://gitlab.example/api/v4/projects?private_token=1',
    'https://h.example/a?sig=1',
    'https://h.example/a?signature=1',
    'https://h.example/a?password=1',
    'https://h.example/a?user%5Bpassword%5D=1',
    'https://h.example/a?api_key=1',
    'https://h.example/a?apiKey=1',
    'https://h.example/a?client_secret=1',
    'https://h.example/#access_token=1',
    'https://h.example/#/route?id_token=1',
    'https://h.example/a?x=1;password=1',
    'https://h.example/a;jsessionid=1',
    'https://user:pass@h.example/',
    'https://user%3Apass@h.example/',
    'https://h.example/a?%73ig=1',
    'https://h.example/a?s%69g%3D1',
    'https://h.example/a?%2573ig=1',
    'https://h.example/a?%252573ig=1',
    'https://h.example/go?to=https%3A%2F%2Fb.example%2F%3Ftoken%3D1',
    'https://h.example/go?to=https%3A%2F%2Fu%3Ap%40b.example%2F',
    'https://uc1.dl.dropboxusercontent.com/cd/0/get/x',
    'https://UC1.DL.dropboxusercontent.com./cd/0/get/x',
    'https://dl.dropboxusercontent.com/s/x/a.pdf',
    'https://h.example/a?x=1%20&%74oken=1',
    'https:\\\\h.example\\a?token=1',
    'https://h.example/a?to\tken=1',
    'https://h.example/a?to\nken=1',
    '//h.example/a?token=1',
    'h.example/a?token=1',
    "https://h'.example/a?token=1",
    "'https://dl.dropboxusercontent.com'",
    '<https://dl.dropboxusercontent.com>',
    'https://h.example/"a"?token=1',
  ]),
  ...refused('embedding', [
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    ' javascript:alert(1)',
    'vbscript:msgbox(1)',
    'data:text/html,<b>x</b>',
    'data:text/plain;base64,AAAA',
  ]),
  ...refused('form', [
    '',
    ' ',
    'reports/a.pdf',
    '/srv/reports/a.pdf',
    './a.pdf',
    'C:\\reports\\a.pdf',
    'file:///srv/reports/a.pdf',
    'ftp://h.example/a',
    'ssh://git@github.com/o/r',
    'git@github.com:o/r.git',
    'blob:https://h.example/1',
    'about:blank',
    'mailto:a@b.example',
    'proofhouse://artifacts/abc',
    'https:h.example/a',
    'https:/h.example/a',
    'https:///h.example/a',
    'https://',
    'https://?q=1',
    'https://h .example/a',
    'https://h.example/a b',
    'https://h.example/a\u00a0b',
    'https://h.example/\u202egpj.exe',
    'https://h.example/a\u200bb',
    'https://h.example/a\u0000',
    'https://h.example/\ud800',
    'https://h.example\\a',
    'https://user@h.example/a',
    'https://github.com@evil.example/a',
    'https://[::1/a',
    'https://h.example:99999/',
    's3://bucket',
    's3://bucket/',
    's3:bucket/key',
    's3://user@bucket/key',
    'gs:///key',
    `https://h.example/${'a'.repeat(2048)}`,
  ]),
];
