import { readFileSync } from 'node:fs';

/** Kept for the stores, the log and everything that is no request. */
const reserve = 200;

/**
 * How many connections may be open: each may open a file as well, and a process that is out of descriptors can neither
 * store nor accept. `limits`: the text of `/proc/self/limits`; where there is none, `wanted` holds.
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
