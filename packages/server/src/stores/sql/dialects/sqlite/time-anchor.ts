import type { BootTime } from '../../../../kernel/time/boot-time.ts';
import { findSetting, replaceSetting } from '../../records/settings.ts';
import { first, put, type Verb } from '../../engine/verb.ts';

/**
 * A time and the boot id of the machine at that time, both stored in the database. At the next start of the server they
 * show whether the clock was set meanwhile, or whether only time has passed.
 */
export interface TimeAnchor {
  /** The time of the store (epoch ms) at which this anchor was written. */
  readonly at: number;
  readonly boot: BootTime | undefined;
}

const name = 'time-anchor';

export function* keepAnchor(anchor: TimeAnchor): Verb<void> {
  yield* put(replaceSetting, { name, value: JSON.stringify(anchor) });
}

export function* readAnchor(): Verb<TimeAnchor | undefined> {
  const kept = yield* first(findSetting, { name });
  return kept === undefined ? undefined : (JSON.parse(kept.value) as TimeAnchor);
}

/**
 * Returns the time in epoch ms that the wall clock would show if nobody had set it since the anchor was written. This
 * is exact if the machine was not restarted since then. Otherwise the result is the later of `wall` and the anchor's
 * time.
 */
export function expectedWall(anchor: TimeAnchor | undefined, wall: number, boot: BootTime | undefined): number {
  if (anchor === undefined) return wall;
  const { boot: then } = anchor;
  const elapsedMs = then !== undefined && boot?.bootId === then.bootId ? boot.uptimeMs - then.uptimeMs : undefined;
  // A machine that was restored from a snapshot has the same boot id but a smaller uptime.
  if (elapsedMs === undefined || elapsedMs < 0) return Math.max(wall, anchor.at);
  return anchor.at + elapsedMs;
}
