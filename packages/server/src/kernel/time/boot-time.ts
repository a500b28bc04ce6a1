import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

/**
 * The time since the boot of this machine. A restarted process uses it to measure how much time has passed, even if the
 * wall clock was set while no process ran.
 */
export interface BootTime {
  /** Identifies the current boot of the machine. A new boot has a new id. */
  readonly bootId: string;
  /** Time since the boot, including the time while the machine was suspended. */
  readonly uptimeMs: number;
}

/** Returns undefined on all systems except Linux, because they have no boot id. */
export function systemBootTime(): BootTime | undefined {
  try {
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return { bootId, uptimeMs: Math.round(uptime() * 1000) };
  } catch {
    return undefined;
  }
}
