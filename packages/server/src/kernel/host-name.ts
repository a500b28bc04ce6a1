import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';

/** A host in the notation of HTTP and browsers (RFC 3986 section 3.2.2, RFC 9110 section 7.2). */
export interface HostName {
  /** Lower case, without brackets and without the dot that ends a fully qualified name; IPv6 in its shortest form. */
  readonly name: string;
  readonly port: number | undefined;
}

const bracketed = /^\[([0-9a-f:.]+)\](?::(\d{1,5}))?$/i;
const plain = /^([a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?(?::(\d{1,5}))?$/i;

/** Parses `localhost:1`, `[::1]:8750` or `Work.Example.`; undefined for anything else. */
export function parseHostName(text: string): HostName | undefined {
  const [, literal, literalPort] = bracketed.exec(text) ?? [];
  if (literal !== undefined)
    return isIP(literal) === 6 ? { name: shortest(literal), ...portOf(literalPort) } : undefined;
  const [, name, port] = plain.exec(text) ?? [];
  return name === undefined ? undefined : { name: name.toLowerCase(), ...portOf(port) };
}

/** An entry of `PROOFHOUSE_ALLOWED_HOSTS`. */
export interface AllowedHost extends HostName {
  /** Written with a leading dot: the name itself and every name below it. */
  readonly withSubdomains: boolean;
}

/**
 * Parses an entry: a name, in Unicode or as Punycode, or an address, each with or without a port; IPv6 with or without
 * brackets; a leading dot adds the subdomains. Undefined for anything else, such as a URL or `*`.
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

/** A host without a port matches the default ports of http and https, because TLS may end at a proxy. */
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
