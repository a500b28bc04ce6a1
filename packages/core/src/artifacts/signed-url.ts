import { maskPlaceholder } from '../masking/mask-placeholder.ts';

/**
 * Names of parameters that sign a URL or authenticate its user. They are in lower case and contain only letters and
 * digits.
 */
const signingNames = new Set(['sig', 'jwt', 'pwd', 'keypairid', 'googleaccessid']);
/** Parameters of AWS signature version 4 and of the signed URLs of Google Cloud Storage. */
const signingFamilies = /^x(?:amz|goog)(?:algorithm|credential|date|expires|signedheaders|signature|securitytoken)$/;
/** Endings of names such as `access_token`, `AWSAccessKeyId`, `private-token` and `user[password]`. */
const signingEnds =
  /(?:token|password|passwd|secret|signature|credentials?|apikey|accesskey|accesskeyid|privatekey|secretkey|sessionid|authorization|signedurl)$/;
/** Endings of names of cursors, such as `nextPageToken`. A cursor gives no access. */
const cursorEnds = /(?:page|next|continuation|sync|cursor|skip|start)token$/;

/** Hosts whose links give access to everyone who has the link, until the link expires. */
const signedHosts = /(?:^|\.)dl\.dropboxusercontent\.com$/;

/** Largest number of times that escapes are decoded, because a URL may be encoded more than once. */
const mostDecodings = 5;

/**
 * Returns why a URL in the text must not be stored: it has a user with a password, a parameter that signs it or
 * authenticates its user, or a host of signed links. A password or parameter that was masked does not count. Returns
 * undefined if there is no such URL.
 *
 * Every spelling that leads a browser or a server to the same URL counts: up to five layers of percent-encoding, other
 * letter cases, full-width letters and dots at the end of hosts, backslashes instead of slashes, missing slashes or
 * schemes, tabs and line ends inside the URL. More than five layers of percent-encoding are a reason too.
 */
export function signedUrlIn(text: string): string | undefined {
  if (!/[:/\\%]/.test(text)) return undefined;
  const spellings = spellingsOf(text);
  if (spellings.length > mostDecodings + 1) return 'percent-encoding in too many layers';
  for (const spelling of spellings) {
    // Browsers remove tabs and line ends from URLs. After their removal, a URL may be joined with words of other lines.
    // So in this text, parameters count only after a `?`, `#` or `;`.
    const joined = spelling.replace(/[\t\r\n]+/g, '');
    const reason =
      reasonIn(spelling, 'anywhere') ??
      (joined === spelling ? undefined : reasonIn(joined, 'in-query')) ??
      // A text that begins as a URL may be one as a whole: browsers encode the spaces in it.
      (wholeUrl.test(joined) ? reasonOf(joined.trim(), 'in-query') : undefined);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/**
 * Returns the host of an authority (RFC 3986 section 3.2) as browsers look it up: in lower case, without a port and
 * without dots at its end. International names are in Punycode. Returns undefined if the authority has no valid host.
 */
export function hostOf(authority: string): string | undefined {
  const host = authority.slice(authority.lastIndexOf('@') + 1).replace(/:\d*$/, '');
  try {
    return new URL(`http://${host}/`).hostname.replace(/\.+$/, '');
  } catch {
    return undefined;
  }
}

/** Returns the text, and the texts after decoding its escapes once, twice and so on, as long as they change. */
function spellingsOf(text: string): string[] {
  const spellings = [text];
  while (spellings.length <= mostDecodings + 1) {
    const last = spellings.at(-1) ?? '';
    const decoded = decodedOnce(last);
    if (decoded === last) break;
    spellings.push(decoded);
  }
  return spellings;
}

function decodedOnce(text: string): string {
  return text
    .replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => {
      const bytes = escapes.slice(1).split('%');
      return new TextDecoder().decode(Uint8Array.from(bytes, (hex) => Number.parseInt(hex, 16)));
    })
    .replace(/\\u00([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Where parameters of a URL count. `anywhere`: also in its path. `in-query`: only after a `?`, `#` or `;`. */
type ParameterPlace = 'anywhere' | 'in-query';

function reasonIn(text: string, place: ParameterPlace): string | undefined {
  for (const run of runsOf(text)) {
    for (const url of spellingsOf(run)) {
      const reason = reasonOf(url, place);
      if (reason !== undefined) return reason;
    }
  }
  return undefined;
}

const wholeUrl = /^\s*(?:https?:|(?:[a-z][a-z0-9+.-]{0,20}:)?[/\\]{2})/i;

/**
 * Returns the parts of a text that may be URLs. The marks that end a URL in text can also be characters of a URL, so the
 * text is split at white space, at quotation marks too, and at apostrophes too.
 */
function runsOf(text: string): Set<string> {
  return new Set([/\s+/, /[\s"<>`]+/, /[\s"'<>`]+/].flatMap((marks) => text.split(marks)));
}

function reasonOf(url: string, place: ParameterPlace): string | undefined {
  const slashed = url.replaceAll('\\', '/');
  for (const spelling of slashed === url ? [url] : [url, slashed]) {
    for (const [, authority = ''] of spelling.matchAll(/(?:[/\\]{2}|(?:https?|wss?|ftp):)[/\\]*([^/?#]*)/gi)) {
      const userinfo = authority.slice(0, Math.max(0, authority.lastIndexOf('@')));
      const password = userinfo.slice(userinfo.indexOf(':') + 1);
      if (/:./.test(userinfo) && password !== maskPlaceholder) return 'a password';
      if (isSignedHost(authority)) return 'a host of signed links';
    }
  }
  if (!isUrl(slashed)) return undefined;
  const start = place === 'anywhere' ? 0 : slashed.search(/[?#;]/);
  if (start === -1) return undefined;
  const isSigned = slashed
    .slice(start)
    .split(/[/?#&;]/)
    .some((part) => {
      const at = part.indexOf('=');
      return at !== -1 && part.slice(at + 1) !== maskPlaceholder && isSigning(part.slice(0, at));
    });
  return isSigned ? 'a parameter that signs it' : undefined;
}

/** Parsing a host is slow, so only a host that contains the name of a signed host in some spelling is parsed. */
function isSignedHost(authority: string): boolean {
  const plain = authority.normalize('NFKC').replace(/\p{Default_Ignorable_Code_Point}/gu, '');
  return /dropboxusercontent/i.test(plain) && signedHosts.test(hostOf(authority) ?? authority);
}

/** Returns true for a text that has a scheme and a slash, two slashes, or a host name before a path or a query. */
function isUrl(slashed: string): boolean {
  if (/[a-z0-9+.-]:\/|\/\//i.test(slashed) || /^(?:https?|wss?|ftp):/i.test(slashed)) return true;
  return /^(?:[\w-]+\.)+[\w-]+(?::\d+)?[/?]/.test(slashed);
}

function isSigning(name: string): boolean {
  // The escapes of the name are decoded in the next spelling of the URL.
  if (/%[0-9a-f]{2}/i.test(name)) return false;
  const squashed = name
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '');
  if (signingNames.has(squashed) || signingFamilies.test(squashed)) return true;
  return signingEnds.test(squashed) && !cursorEnds.test(squashed);
}
