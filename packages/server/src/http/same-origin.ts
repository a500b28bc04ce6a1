import { isIP } from 'node:net';
import { AppError } from '@proofhouse/core';
import { isLoopback } from '../kernel/host-name.ts';
import {
  isAllowedHost,
  parseAllowedHost,
  parseHostName,
  type AllowedHost,
  type HostName,
} from '../kernel/host-name.ts';

export interface HostPolicy {
  /** The address on which the server listens. */
  readonly boundHost: string;
  readonly publicUrl: string | undefined;
  /** The parsed setting `PROOFHOUSE_ALLOWED_HOSTS`. */
  readonly allowedHosts: readonly AllowedHost[];
}

/**
 * Throws `forbidden` for a request that a page of another origin caused a browser to send. This includes a page whose
 * host name resolves to this server (DNS rebinding). The Host must be a name or address of this server. The Origin, if
 * present, must be the origin of the Host or of the public URL.
 */
export function requireSameOrigin(policy: HostPolicy, host: string | undefined, origin: string | undefined): void {
  const parsed = parseHostName(host ?? '');
  if (parsed === undefined || !hostIsOurs(policy, parsed)) {
    throw new AppError(
      'forbidden',
      `The Host of the request${shown(host)} is not this server; add it to PROOFHOUSE_ALLOWED_HOSTS, or set ` +
        'PROOFHOUSE_PUBLIC_URL to how the server is reached.',
    );
  }
  requireOwnOrigin(policy, host, origin);
}

/** Checks only the Origin, for routes that accept any Host or none; see `requireSameOrigin`. Errors: `forbidden`. */
export function requireOwnOrigin(
  { publicUrl }: HostPolicy,
  host: string | undefined,
  origin: string | undefined,
): void {
  if (origin === undefined) return;
  const name = parseHostName(host ?? '')?.name;
  // If the public URL is https, an http origin is refused. Anyone on the network path could forge a page that is loaded
  // over http. Names of this machine (such as localhost) are an exception.
  const schemes = publicUrl?.startsWith('https:') === true && !isOwnMachine(name) ? ['https'] : ['http', 'https'];
  const own = name === undefined ? [] : schemes.map((scheme) => `${scheme}://${String(host)}`);
  const ours = [...own, ...(publicUrl === undefined ? [] : [publicUrl])];
  if (ours.some((url) => originOf(url) === origin)) return;
  throw new AppError(
    'forbidden',
    'Pages of another origin may not call this server; PROOFHOUSE_PUBLIC_URL names the origin of its own page.',
  );
}

function hostIsOurs(policy: HostPolicy, host: HostName): boolean {
  const { name } = host;
  const boundName = parseAllowedHost(policy.boundHost)?.name ?? policy.boundHost.toLowerCase();
  if (name === 'localhost' || name === boundName) return true;
  if (policy.publicUrl !== undefined && parseHostName(new URL(policy.publicUrl).host)?.name === name) return true;
  if (policy.allowedHosts.some((allowed) => isAllowedHost(allowed, host))) return true;
  if (isLoopback(policy.boundHost)) return isLoopback(name);
  // A server that listens on all addresses accepts any IP address as Host. A DNS rebinding attack needs a name, so an
  // address is safe.
  return isWildcard(policy.boundHost) && isIP(name) !== 0;
}

function isOwnMachine(name: string | undefined): boolean {
  return name === 'localhost' || (name !== undefined && isLoopback(name));
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/**
 * Returns the origin of a URL as browsers write it in `Origin`: in lower case, without the default port. Returns undefined
 * for text that is no URL.
 */
function originOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).origin : undefined;
}

function shown(host: string | undefined): string {
  return host === undefined || host === '' ? '' : ` (${JSON.stringify(host.slice(0, 255))})`;
}
