/** Names of query and fragment parameters that sign a URL or authenticate its holder, in lower case without `-` and `_`. */
const signingParameters = new Set([
  'token',
  'accesstoken',
  'authtoken',
  'idtoken',
  'refreshtoken',
  'sig',
  'signature',
  'password',
  'passwd',
  'pwd',
  'secret',
  'clientsecret',
  'apikey',
  'xamzsignature',
  'xamzcredential',
  'xamzsecuritytoken',
  'xgoogsignature',
  'xgoogcredential',
  'awsaccesskeyid',
  'googleaccessid',
  'keypairid',
]);

/** Hosts whose links expire and give access to everyone who has the link. */
const signedHosts = /(^|\.)dl\.dropboxusercontent\.com$/;

/** Largest number of times that percent-encoding is decoded, because a URL may be encoded more than once. */
const mostDecodings = 3;

const urlPattern = /[a-z][a-z0-9+.-]{1,20}:\/\/[^\s"'<>`]{1,8192}/gi;

/**
 * Returns why a URL in the text must not be stored: it has a user with a password, a parameter that signs it, or a host of
 * signed links. Percent-encoded spellings count too. Returns undefined if there is no such URL.
 */
export function signedUrlIn(text: string): string | undefined {
  if (!text.includes(':') && !text.includes('%')) return undefined;
  let spelling = text;
  for (let decodings = 0; decodings <= mostDecodings; decodings += 1) {
    for (const [url] of spelling.matchAll(urlPattern)) {
      const reason = reasonOf(url);
      if (reason !== undefined) return reason;
    }
    const decoded = spelling.replaceAll(/%[0-7][0-9a-f]/gi, (escape) =>
      String.fromCharCode(Number.parseInt(escape.slice(1), 16)),
    );
    if (decoded === spelling) return undefined;
    spelling = decoded;
  }
  return undefined;
}

function reasonOf(url: string): string | undefined {
  const [, authority = '', rest = ''] = /^[^:]+:\/\/([^/?#]*)(.*)$/s.exec(url) ?? [];
  const userinfo = authority.slice(0, Math.max(0, authority.lastIndexOf('@')));
  if (/:./.test(userinfo)) return 'a password';
  const host = authority.slice(authority.lastIndexOf('@') + 1).toLowerCase();
  if (signedHosts.test(host.replace(/:\d*$/, ''))) return 'a host of signed links';
  const query = rest.slice(Math.max(0, rest.search(/[?#]/)));
  const names = query.split(/[?#&;]/).flatMap((pair) => (pair.includes('=') ? [pair.slice(0, pair.indexOf('='))] : []));
  const signing = names
    .map((name) => name.toLowerCase().replace(/[-_]/g, ''))
    .find((name) => signingParameters.has(name));
  return signing === undefined ? undefined : 'a parameter that signs it';
}
