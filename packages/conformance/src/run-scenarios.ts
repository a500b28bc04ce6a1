import type { Requirement, Scenario, Target } from './requirement.ts';

export interface ScenarioResult {
  readonly name: string;
  readonly requirements: readonly string[];
  /** Why it failed; undefined when it passed. */
  readonly failure: string | undefined;
}

/** Runs the scenarios one after another: a server under test is not a load test. */
export async function runScenarios(scenarios: readonly Scenario[], target: Target): Promise<ScenarioResult[]> {
  const results: ScenarioResult[] = [];
  for (const { name, requirements, run } of scenarios) {
    const failure = await run(target).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    results.push({ name, requirements, failure });
  }
  return results;
}

/** What is cited but not listed, and what is a must but cited by no scenario. Empty when the kit is whole. */
export function coverageGaps(requirements: readonly Requirement[], scenarios: readonly Scenario[]): string[] {
  const cited = new Set(scenarios.flatMap((scenario) => scenario.requirements));
  const known = new Set(requirements.map((requirement) => requirement.id));
  const uncited = requirements.filter(({ id, level }) => level === 'must' && !cited.has(id));
  return [
    ...uncited.map(({ id }) => `no scenario shows ${id}`),
    ...[...cited].filter((id) => !known.has(id)).map((id) => `${id} is cited and not listed`),
  ];
}
