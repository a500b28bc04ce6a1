import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acceptedUrls, refusedUrls } from '../testing/url-corpus.ts';
import { metadataViolation } from './metadata-policy.ts';
import { signedUrlIn } from './signed-url.ts';
import { visibleText } from '../values/visible-text.ts';
import { judgeStorageUri, linkObjection, type LocalFiles } from './storage-uri.ts';

/** Gives each row a name that can be printed safely. */
const named = <Row extends { readonly url: string }>(rows: readonly Row[]) =>
  rows.map((row) => ({ ...row, name: visibleText(JSON.stringify(row.url.slice(0, 80))) }));
const accepted = named(acceptedUrls);
const refused = named(refusedUrls);

const modes: readonly LocalFiles[] = ['none', 'uri', 'path'];
const noSecrets = (): undefined => undefined;
const inMetadata = (text: string) => metadataViolation({ list: [{ link: text }] }, noSecrets);

describe('a storage URI', () => {
  it('has a corpus of at least 20 accepted and 45 refused spellings', () => {
    expect(new Set(acceptedUrls.map(({ url }) => url)).size).toBeGreaterThanOrEqual(20);
    expect(new Set(refusedUrls.map(({ url }) => url)).size).toBeGreaterThanOrEqual(45);
  });

  it.each(accepted)('$name is accepted in every mode and stored as it is, by $provider', ({ url, provider }) => {
    for (const mode of modes) expect(judgeStorageUri(url, mode)).toEqual({ uri: url, provider });
  });

  it.each(refused)('$name is refused in production ($because)', ({ url }) => {
    expect(judgeStorageUri(url, 'none').objection).toBeDefined();
    expect(judgeStorageUri(url, 'uri').objection).toBeDefined();
  });

  it.each(refused.filter(({ because }) => because !== 'form'))('$name is refused in local mode too', ({ url }) => {
    expect(judgeStorageUri(url, 'path').objection).toBeDefined();
  });

  it.each([
    ['local-dev://fixtures/a.txt', 'local-dev://fixtures/a.txt'],
    ['/tmp/a.txt', 'local-dev:///tmp/a.txt'],
    ['./a.txt', 'local-dev://./a.txt'],
    ['reports/a.txt', 'local-dev://reports/a.txt'],
    ['C:\\reports\\a.txt', 'local-dev:///C:/reports/a.txt'],
    ['file:///tmp/a.txt', 'local-dev:///tmp/a.txt'],
    ['FILE:/tmp/a.txt', 'local-dev:///tmp/a.txt'],
    ['file://host/share/a.txt', 'local-dev://host/share/a.txt'],
  ])('%s becomes %s in local mode only', (text, uri) => {
    expect(judgeStorageUri(text, 'path')).toEqual({ uri, provider: 'local-dev' });
    expect(judgeStorageUri(text, 'none').objection).toBeDefined();
    if (text === uri) expect(judgeStorageUri(text, 'uri')).toEqual({ uri, provider: 'local-dev' });
    else expect(judgeStorageUri(text, 'uri').objection).toBeDefined();
  });

  it.each(['local-dev:', 'local-dev://', 'local-dev:a', 'file:', 'local-dev://a b', 'local-dev://a?token=1'])(
    '%s is refused in local mode too',
    (text) => {
      expect(judgeStorageUri(text, 'path').objection).toBeDefined();
    },
  );

  it('may have 2,048 characters and not one more', () => {
    const url = `https://h.example/${'a'.repeat(2048 - 18)}`;
    expect(url).toHaveLength(2048);
    expect(judgeStorageUri(url, 'none').objection).toBeUndefined();
    expect(judgeStorageUri(`${url}a`, 'none').objection).toContain('2048');
  });
});

describe('a link of a task or bundle', () => {
  it.each(accepted)('$name obeys the same rules, for http and https', ({ url, provider }) => {
    expect(linkObjection(url) === undefined).toBe(!['s3', 'gcs'].includes(provider));
  });

  it.each(refused)('$name is refused', ({ url }) => {
    expect(linkObjection(url)).toBeDefined();
  });
});

describe('a URL in metadata', () => {
  it.each(accepted)('$name is accepted', ({ url }) => {
    expect(inMetadata(url)).toBeUndefined();
    expect(inMetadata(`see ${url}, and (${url})`)).toBeUndefined();
  });

  it.each(refused)(
    '$name is refused at any depth if it is signed or contains a script or bytes',
    ({ url, because }) => {
      const violation = inMetadata(url);
      if (because === 'form') expect(violation).toBeUndefined();
      else expect(violation).toMatchObject({ path: 'metadata.list.0.link' });
      if (because === 'signed') expect(inMetadata(`see ${url} for it`)).toBeDefined();
    },
  );
});

/**
 * Replaces some of the characters that match `which` by the result of `by`. The elements of `picks` say in turn whether
 * a match is replaced.
 */
function mutated(text: string, which: RegExp, picks: readonly boolean[], by: (character: string) => string): string {
  let at = 0;
  return text.replace(which, (character) => (picks[at++ % picks.length] === true ? by(character) : character));
}

const percent = (character: string): string =>
  Array.from(new TextEncoder().encode(character), (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
const twice = (character: string): string => percent(character).replaceAll('%', '%25');
const otherCase = (letter: string): string =>
  letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase();
const fullWidth = (character: string): string => String.fromCharCode((character.codePointAt(0) ?? 0) + 0xfee0);

/** Changes of a URL that browsers and servers ignore or undo. */
const disguises: Readonly<Record<string, (url: string, picks: readonly boolean[]) => string>> = {
  case: (url, picks) => mutated(url, /[a-z]/gi, picks, otherCase),
  'percent-encoded parameters': (url, picks) =>
    url.replace(/[?#;].*$/s, (query) => mutated(query, /[a-z]/gi, picks, percent)),
  'doubly encoded parameters': (url, picks) =>
    url.replace(/[?#;].*$/s, (query) => mutated(query, /[a-z]/gi, picks, twice)),
  'percent-encoded host': (url, picks) =>
    url.replace(/^(https?:\/\/)([a-z0-9.]+)(?=[/?#])/i, (_, scheme: string, host: string) => {
      return scheme + mutated(host, /[a-z]/gi, picks, percent);
    }),
  'full-width host': (url, picks) =>
    url.replace(/^(https?:\/\/)([a-z0-9.]+)(?=[/?#])/i, (_, scheme: string, host: string) => {
      return scheme + mutated(host, /[a-z0-9.]/gi, picks, fullWidth);
    }),
  'dots at the end of the host': (url) => url.replace(/^(https?:\/\/[a-z0-9.]*[a-z0-9])(?=[/?#])/i, '$1.'),
  'tabs and line ends': (url, picks) => mutated(url, /[a-z]/gi, picks, (letter) => `${letter}\t\n`.slice(0, 2)),
  backslashes: (url, picks) => mutated(url, /\//g, picks, () => '\\'),
  'a port': (url) => url.replace(/^(https?:\/\/[a-z0-9.]+)(?=[/?#])/i, '$1:443'),
  'a user name': (url) => url.replace(/^(https?:\/\/)(?=[a-z0-9.]+[/?#])/i, '$1github.com@'),
  'an IPv6 host': (url) =>
    /dropboxusercontent/i.test(url) ? url : url.replace(/^(https?:\/\/)[a-z0-9.]+(?=[/?#])/i, '$1[2001:db8::1]'),
  'fewer slashes': (url) => url.replace(/^(https?:)\/\//i, '$1'),
  'text around it': (url) => `see <${url}> "now"`,
};

const signed = refusedUrls.filter(({ because }) => because === 'signed').map(({ url }) => url);

describe('a signed URL in disguise', () => {
  it.each(Object.entries(disguises))('by %s is refused as URI, as link and in metadata', (_name, disguise) => {
    fc.assert(
      fc.property(fc.constantFrom(...signed), fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }), (url, picks) => {
        const disguised = disguise(url, picks);
        expect(judgeStorageUri(disguised, 'path').objection, disguised).toBeDefined();
        expect(linkObjection(disguised), disguised).toBeDefined();
        expect(inMetadata(disguised), disguised).toBeDefined();
      }),
      { numRuns: 300 },
    );
  });

  it('is refused as URI and link under any two disguises', () => {
    const pairs = fc.constantFrom(...Object.values(disguises));
    const picked = fc.array(fc.boolean(), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(fc.constantFrom(...signed), pairs, pairs, picked, (url, one, other, picks) => {
        const disguised = other(one(url, picks), picks);
        expect(judgeStorageUri(disguised, 'path').objection, disguised).toBeDefined();
        expect(linkObjection(disguised), disguised).toBeDefined();
      }),
      { numRuns: 1000 },
    );
  });
});

describe('an accepted URI', () => {
  it('is one URL to browsers, whatever text was given', () => {
    const piece = fc.oneof(
      fc.constantFrom('https:', 'http:', '//', '/', '\\', '@', ':', '?', '#', '.', '%', '%2f', '%40', ' ', '\t', '\n'),
      fc.constantFrom(
        'github.com',
        'evil.example',
        '[::1]',
        's3://b/',
        'javascript:',
        'token=',
        'sig=',
        '\u202e',
        '。',
      ),
      fc.string({ unit: 'binary', maxLength: 4 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
        const judged = judgeStorageUri(pieces.join(''), 'none');
        if (judged.objection !== undefined) return;
        expect(judged.uri).not.toMatch(/[\s\p{Cc}\p{Cf}]/u);
        if (judged.provider === 's3' || judged.provider === 'gcs') return;
        const { protocol, username, password, hostname } = new URL(judged.uri);
        expect(['http:', 'https:']).toContain(protocol);
        expect([username, password]).toEqual(['', '']);
        const isGithub = /(^|\.)(github\.com|githubusercontent\.com)\.*$/.test(hostname);
        if (judged.provider === 'github') expect(isGithub).toBe(true);
        if (/^(www\.|gist\.)?github\.com\.*$/.test(hostname)) expect(judged.provider).toBe('github');
      }),
      { numRuns: 1000 },
    );
  });
});

describe('the search for signed URLs', () => {
  it('takes linear time on hostile text', () => {
    const hostile = ['/'.repeat(4096), 'a.'.repeat(2048), '%25'.repeat(1365), 'https:'.repeat(682), '?='.repeat(2048)];
    for (const text of hostile) expect(() => signedUrlIn(text)).not.toThrow();
  });

  it('refuses more than five layers of percent-encoding', () => {
    expect(signedUrlIn(`https://h.example/%${'25'.repeat(5)}41`)).toBe('percent-encoding in too many layers');
    expect(signedUrlIn(`https://h.example/%${'25'.repeat(3)}41`)).toBeUndefined();
  });
});
