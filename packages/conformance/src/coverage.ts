import { groups, type Requirement } from './requirement.ts';
import type { Scenario } from './scenario.ts';

/**
 * Returns one sentence for each contradiction between requirements and scenarios:
 * - a requirement without `uncovered` that no scenario cites;
 * - a requirement with `uncovered` that a scenario cites;
 * - a cited id that no requirement has;
 * - a duplicate id;
 * - a scenario without requirements.
 * Returns an empty list if there is none.
 */
export function coverageGaps(requirements: readonly Requirement[], scenarios: readonly Scenario[]): string[] {
  const cited = new Set(scenarios.flatMap((scenario) => scenario.requirements));
  const known = new Map(requirements.map((requirement) => [requirement.id, requirement]));
  return [
    ...requirements
      .filter(({ id, uncovered }) => uncovered === undefined && !cited.has(id))
      .map(({ id }) => `${id} is shown by no scenario and does not say why`),
    ...requirements
      .filter(({ id, uncovered }) => uncovered !== undefined && cited.has(id))
      .map(({ id }) => `${id} is shown by a scenario and says that it cannot be`),
    ...[...cited].filter((id) => !known.has(id)).map((id) => `${id} is cited and not listed`),
    ...duplicates(requirements.map(({ id }) => id)).map((id) => `${id} is listed twice`),
    ...duplicates(scenarios.map(({ name }) => name)).map((name) => `two scenarios are called "${name}"`),
    ...scenarios.flatMap((scenario) => objections(scenario)),
  ];
}

function objections({ name, group, requirements }: Scenario): string[] {
  return [
    ...(groups.includes(group) ? [] : [`"${name}" belongs to no group`]),
    ...(requirements.length > 0 ? [] : [`"${name}" cites no requirement`]),
    ...duplicates(requirements).map((id) => `"${name}" cites ${id} twice`),
  ];
}

function duplicates(values: readonly string[]): string[] {
  return [...new Set(values.filter((value, index) => values.indexOf(value) !== index))];
}
