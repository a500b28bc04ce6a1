import { groupIdPattern, registeredWorkerIdPattern, standingGroups } from '@proofhouse/core';
import type { CommandContext } from '../command-context.ts';

/** Help text: the ids that are accepted as readers of an artifact and as members of a group. */
export const memberIdsText = 'wkr_…, grp_…, or a standing group: admins or orchestrators';

/**
 * Warns about each text in `ids` that has not the form of an id, because it is usually the name of a worker. The text
 * is still sent, and the server decides.
 */
export function warnOfNames(
  context: CommandContext,
  ids: readonly string[],
  { experiment, json }: { readonly experiment: string; readonly json?: true | undefined },
): void {
  if (json === true) return;
  for (const id of ids.filter((one) => !isMemberId(one))) {
    context.stderr.write(
      `proofhouse: ${JSON.stringify(id)} is no worker or group id of an experiment, and counts only as a queue worker's; ` +
        `names are not ids: see proofhouse worker list --experiment ${experiment}\n`,
    );
  }
}

function isMemberId(id: string): boolean {
  return (
    registeredWorkerIdPattern.test(id) || groupIdPattern.test(id) || (standingGroups as readonly string[]).includes(id)
  );
}
