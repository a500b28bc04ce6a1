import type { Requirement } from './requirement.ts';
import type { ScenarioResult } from './run-scenarios.ts';
import type { GroupLevel, Verdict } from './conformance-level.ts';
import type { Scenario } from './scenario.ts';

/**
 * Returns the lines that describe one result for a person. The lines of a failure show its requirements, the expected
 * behaviour and the actual behaviour.
 */
export function resultLines(result: ScenarioResult, requirements: readonly Requirement[]): readonly string[] {
  const { scenario, outcome } = result;
  const head = `${scenario.group}: ${scenario.name} (${scenario.requirements.join(', ')}, ${result.elapsedMs} ms)`;
  if (outcome.kind === 'passed') return [`pass  ${head}`];
  if (outcome.kind === 'skipped') return [`skip  ${head}`, `      ${outcome.reason}`];
  const owed = requirements.filter(({ id }) => scenario.requirements.includes(id));
  return [
    `FAIL  ${head}`,
    ...owed.map(({ id, level, text, source }) => `      ${id} (${level}) ${text} [${source}]`),
    `      request:  ${outcome.request}`,
    `      expected: ${outcome.expected}`,
    `      seen:     ${outcome.seen}`,
  ];
}

/** Returns the summary lines that are printed at the end of a run. */
export function verdictLines(verdict: Verdict): readonly string[] {
  const names = (conformant: boolean): string =>
    verdict.levels
      .filter((level) => level.conformant === conformant)
      .map((level) => level.group)
      .join(', ');
  return [
    ...verdict.levels.flatMap(levelLines),
    ...(names(true) === '' ? [] : [`conformant: ${names(true)}`]),
    ...(names(false) === '' ? [] : [`not conformant: ${names(false)}`]),
  ];
}

function levelLines(level: GroupLevel): readonly string[] {
  const list = (word: string, ids: readonly string[]): readonly string[] =>
    ids.length === 0 ? [] : [`      ${word}: ${ids.join(', ')}`];
  return [
    `${level.group}: ${level.passed} passed, ${level.failed} failed, ${level.skipped} skipped`,
    ...list('musts not tried', level.notTried),
    ...list('options offered', level.offered),
    ...list('options not offered', level.notOffered),
    ...[...new Set(level.notKnown.map(({ reason }) => reason))].map((reason) => {
      const ids = level.notKnown.filter((each) => each.reason === reason).map(({ id }) => id);
      return `      options not tried: ${ids.join(', ')} (${reason})`;
    }),
  ];
}

/** Returns the results of a run as an object for the JSON report. */
export function jsonReport(results: readonly ScenarioResult[], verdict: Verdict): object {
  return {
    ...verdict,
    results: results.map(({ scenario, outcome, elapsedMs }) => ({ ...scenarioFacts(scenario), outcome, elapsedMs })),
  };
}

/** Returns one line for each scenario and each requirement. Runs no scenario. */
export function listLines(scenarios: readonly Scenario[], requirements: readonly Requirement[]): readonly string[] {
  return [
    ...requirements.map(
      ({ id, group, level, text, uncovered }) =>
        `${id}  ${group}, ${level}: ${text}${uncovered === undefined ? '' : ` (not shown: ${uncovered})`}`,
    ),
    '',
    ...scenarios.map(({ group, name, requirements: ids }) => `${group}: ${name} (${ids.join(', ')})`),
  ];
}

export function jsonList(scenarios: readonly Scenario[], requirements: readonly Requirement[]): object {
  return { requirements, scenarios: scenarios.map(scenarioFacts) };
}

function scenarioFacts({ group, name, requirements }: Scenario): object {
  return { group, name, requirements };
}
