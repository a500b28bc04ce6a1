import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

/**
 * The time since the boot of this machine. With it a restarted process can measure elapsed time even if the wall clock
 * was set while no process ran.
 */
export interface BootTime {
  /** Identifies the present boot of the machine. It changes at each boot. */
  readonly bootId: string;
  /** Time since the boot, including the time while the machine was suspended. */
  readonly uptimeMs: number;
}

/** Returns undefined on systems that do not identify their boots (all except Linux). */
export function systemBootTime(): BootTime | undefined {
  try {
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return { bootId, uptimeMs: Math.round(uptime() * 1000) };
  } catch {
    return undefined;
  }
}
