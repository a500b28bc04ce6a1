import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

/** How long this machine runs: what a restarted process can measure time by when the wall clock was set meanwhile. */
export interface BootTime {
  /** Names this start of the machine. */
  readonly bootId: string;
  /** Counts suspensions. */
  readonly uptimeMs: number;
}

/** Undefined where the system does not name its starts (anything but Linux). */
export function systemBootTime(): BootTime | undefined {
  try {
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return { bootId, uptimeMs: Math.round(uptime() * 1000) };
  } catch {
    return undefined;
  }
}
