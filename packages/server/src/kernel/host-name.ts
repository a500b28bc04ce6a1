import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';

/** A host name or address with an optional port, as in `Host` (RFC 3986 section 3.2.2, RFC 9110 section 7.2). */
export interface HostName {
  /**
   * The name or address in lower case, without brackets and without the final dot of a fully qualified name. IPv6
   * addresses are in their shortest form.
   */
  readonly name: string;
  readonly port: number | undefined;
}

const bracketed = /^\[([0-9a-f:.]+)\](?::(\d{1,5}))?$/i;
const plain = /^([a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?(?::(\d{1,5}))?$/i;

/** Parses a host such as `localhost:1`, `[::1]:8750` or `Work.Example.`. Returns undefined for any other text. */
export function parseHostName(text: string): HostName | undefined {
  const [, literal, literalPort] = bracketed.exec(text) ?? [];
  if (literal !== undefined)
    return isIP(literal) === 6 ? { name: shortest(literal), ...portOf(literalPort) } : undefined;
  const [, name, port] = plain.exec(text) ?? [];
  return name === undefined ? undefined : { name: name.toLowerCase(), ...portOf(port) };
}

/** One entry of `PROOFHOUSE_ALLOWED_HOSTS`. An entry without a port allows any port. */
export interface AllowedHost extends HostName {
  /** True if the entry begins with a dot. It then allows the name itself and every subdomain. */
  readonly withSubdomains: boolean;
}

/**
 * Parses one entry of `PROOFHOUSE_ALLOWED_HOSTS`: a name (in Unicode or Punycode) or an address, with or without a
 * port. A name that begins with a dot includes its subdomains. An IPv6 address may have brackets. Returns undefined for
 * any other text, such as a URL or `*`.
 */
export function parseAllowedHost(text: string): AllowedHost | undefined {
  const withSubdomains = text.startsWith('.');
  const rest = withSubdomains ? text.slice(1) : text;
  if (isIP(rest) === 6) return withSubdomains ? undefined : { name: shortest(rest), port: undefined, withSubdomains };
  const [, name, port = ''] = /^([^:[\]/?#\\@%\s]+)(:\d{1,5})?$/.exec(rest) ?? [];
  const host = parseHostName(name === undefined ? rest : `${domainToASCII(name)}${port}`);
  if (host === undefined || (withSubdomains && isIP(host.name) !== 0)) return undefined;
  return { ...host, withSubdomains };
}

/**
 * Ports that a `Host` without a port may mean: the default ports of http and https. Both are possible, because a proxy
 * in front of the server may use TLS.
 */
const usualPorts: readonly number[] = [80, 443];

export function isAllowedHost(allowed: AllowedHost, { name, port }: HostName): boolean {
  const named = name === allowed.name || (allowed.withSubdomains && name.endsWith(`.${allowed.name}`));
  if (!named || allowed.port === undefined) return named;
  return port === undefined ? usualPorts.includes(allowed.port) : port === allowed.port;
}

function portOf(text: string | undefined): { port: number | undefined } {
  return { port: text === undefined ? undefined : Number(text) };
}

function shortest(ipv6: string): string {
  return new URL(`http://[${ipv6}]`).hostname.slice(1, -1);
}

/** Returns true if the address can be reached only from this machine. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}

/**
 * Returns true for an address without credentials, query and fragment whose answers nobody between can replace: https, or
 * http on a loopback address.
 */
export function isSafeIssuerUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url?.username !== '' || url.password !== '' || /[?#\s]/.test(text)) return false;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(host));
}
