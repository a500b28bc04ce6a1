import { readFileSync } from 'node:fs';

/** Number of file descriptors reserved for the stores, the log and all other uses except requests. */
const reserve = 200;

/**
 * Returns the largest number of connections that may be open: at most `wanted`, and at least 16. Each connection needs
 * two file descriptors, one for itself and one for a file that its request may open. A process without free descriptors
 * can neither store bytes nor accept connections. `limits` is the text of `/proc/self/limits`. If it is undefined,
 * returns `wanted`.
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
