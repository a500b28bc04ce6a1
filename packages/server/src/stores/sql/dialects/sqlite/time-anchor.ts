import type { BootTime } from '../../../../kernel/time/boot-time.ts';
import { findSetting, replaceSetting } from '../../records/settings.ts';
import { first, put, type Verb } from '../../engine/verb.ts';

/** What a restart needs to tell a clock that was set from time that passed. */
export interface TimeAnchor {
  /** The store's time when this was written, epoch ms. */
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
 * What the wall clock would show if nobody had set it: exact while the machine was not restarted. Otherwise `wall`, or the time of the anchor
 * when the wall clock is behind it, as if no time had passed.
 */
export function expectedWall(anchor: TimeAnchor | undefined, wall: number, boot: BootTime | undefined): number {
  if (anchor === undefined) return wall;
  const { boot: then } = anchor;
  const elapsedMs = then !== undefined && boot?.bootId === then.bootId ? boot.uptimeMs - then.uptimeMs : undefined;
  // A snapshot of a machine that was restored has the boot id of before.
  if (elapsedMs === undefined || elapsedMs < 0) return Math.max(wall, anchor.at);
  return anchor.at + elapsedMs;
}
