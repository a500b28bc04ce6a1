import { isIP } from 'node:net';
import { AppError } from '@proofhouse/core';
import { isLoopback } from '../kernel/loopback.ts';

export interface HostPolicy {
  /** The address the server was told to bind. */
  readonly boundHost: string;
  readonly publicUrl: string | undefined;
}

/**
 * Refuses requests that a page elsewhere, or a name rebound to this address, makes a browser send: the
 * Host must be ours, and an Origin that is present must be the one of that Host or of the public URL.
 * Throws `forbidden`.
 */
export function requireSameOrigin(policy: HostPolicy, host: string | undefined, origin: string | undefined): void {
  if (host === undefined || !hostIsOurs(policy, hostName(host))) {
    throw new AppError(
      'forbidden',
      'The Host of the request is not this server; set PROOFHOUSE_PUBLIC_URL to how it is reached.',
    );
  }
  if (origin === undefined) return;
  const ours = [
    `http://${host}`,
    `https://${host}`,
    ...(policy.publicUrl === undefined ? [] : [new URL(policy.publicUrl).origin]),
  ];
  if (!ours.includes(origin)) throw new AppError('forbidden', 'Pages of another origin may not call this server.');
}

function hostIsOurs(policy: HostPolicy, name: string): boolean {
  if (name === 'localhost' || name === policy.boundHost.toLowerCase()) return true;
  if (policy.publicUrl !== undefined && hostName(new URL(policy.publicUrl).host) === name) return true;
  if (isLoopback(policy.boundHost)) return isLoopback(name);
  // Bound to every address: an address cannot be rebound, only a name can.
  return isWildcard(policy.boundHost) && isIP(name) !== 0;
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** `[::1]:8750` gives `::1`, `localhost:1` gives `localhost`. */
function hostName(host: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(host);
  return (bracketed?.[1] ?? host.replace(/:\d+$/, '')).toLowerCase();
}
