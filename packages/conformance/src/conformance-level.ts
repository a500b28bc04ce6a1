import { groups, type Group, type Requirement } from './requirement.ts';
import type { ScenarioResult } from './run-scenarios.ts';

/** The result of a run for one group of requirements. */
export interface GroupLevel {
  readonly group: Group;
  /** True if no scenario of the group failed and at least one passed. */
  readonly conformant: boolean;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Ids of requirements of level `must` that no scenario of this run could test. */
  readonly notTried: readonly string[];
  /** Ids of optional requirements that the server fulfils. */
  readonly offered: readonly string[];
  /** Ids of optional requirements that the server does not offer. */
  readonly notOffered: readonly string[];
  /**
   * Ids of optional requirements for which this run could not determine whether the server offers them, with the
   * reason.
   */
  readonly notKnown: readonly { readonly id: string; readonly reason: string }[];
}

export interface Verdict {
  readonly conformant: boolean;
  readonly levels: readonly GroupLevel[];
}

/**
 * Returns the levels of all groups to which the results belong. If the server offers an optional requirement but
 * violates it, the group fails, as for a `must`.
 */
export function verdictOf(results: readonly ScenarioResult[], requirements: readonly Requirement[]): Verdict {
  const levels = groups.flatMap((group) => {
    const ours = results.filter((result) => result.scenario.group === group);
    return ours.length === 0 ? [] : [levelOf(group, ours, requirements)];
  });
  return { conformant: levels.every((level) => level.conformant), levels };
}

function levelOf(group: Group, results: readonly ScenarioResult[], requirements: readonly Requirement[]): GroupLevel {
  const cited = (kind: string): Set<string> =>
    new Set(results.filter(({ outcome }) => outcome.kind === kind).flatMap(({ scenario }) => scenario.requirements));
  const count = (kind: string): number => results.filter(({ outcome }) => outcome.kind === kind).length;
  const reasons = new Map<string, string>();
  const refused = new Set<string>();
  for (const { outcome, scenario } of results) {
    if (outcome.kind !== 'skipped') continue;
    for (const id of scenario.requirements)
      if (outcome.because === 'not-known') reasons.set(id, outcome.reason);
      else refused.add(id);
  }
  const [shown, left, broken] = [cited('passed'), cited('skipped'), cited('failed')];
  const ids = (level: string, within: (id: string) => boolean): readonly string[] =>
    requirements.filter((each) => each.level === level && within(each.id)).map((each) => each.id);
  const onlySkipped = (id: string): boolean => left.has(id) && !shown.has(id) && !broken.has(id);
  return {
    group,
    conformant: count('failed') === 0 && count('passed') > 0,
    passed: count('passed'),
    failed: count('failed'),
    skipped: count('skipped'),
    notTried: ids('must', onlySkipped),
    offered: ids('optional', (id) => shown.has(id)),
    notOffered: ids('optional', (id) => onlySkipped(id) && refused.has(id)),
    notKnown: ids('optional', (id) => onlySkipped(id) && !refused.has(id)).map((id) => ({
      id,
      reason: reasons.get(id) ?? '',
    })),
  };
}
