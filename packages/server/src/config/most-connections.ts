import { readFileSync } from 'node:fs';

/** Descriptors reserved for the stores, the log and everything else that is no request. */
const reserve = 200;

/**
 * The number of connections that may be open: each may open a file too, and a process without free descriptors can neither
 * store nor accept. `limits`: the text of `/proc/self/limits`; where there is none, `wanted` is returned.
 */
export function mostConnections(wanted: number, limits: string | undefined): number {
  const open = /^Max open files\s+(\d+)/m.exec(limits ?? '')?.[1];
  if (open === undefined) return wanted;
  return Math.max(16, Math.min(wanted, Math.floor((Number(open) - reserve) / 2)));
}

export function descriptorLimits(): string | undefined {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return undefined;
  }
}
