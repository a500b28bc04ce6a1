import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

/**
 * How long this machine has been running: a restarted process can measure time by it when the wall clock was set meanwhile.
 */
export interface BootTime {
  /** Identifies this boot of the machine. */
  readonly bootId: string;
  /** Includes suspensions. */
  readonly uptimeMs: number;
}

/** Undefined where the system does not identify its boots (all but Linux). */
export function systemBootTime(): BootTime | undefined {
  try {
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return { bootId, uptimeMs: Math.round(uptime() * 1000) };
  } catch {
    return undefined;
  }
}
