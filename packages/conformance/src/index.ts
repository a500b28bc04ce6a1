export { verdictOf, type GroupLevel, type Verdict } from './conformance-level.ts';
export { coverageGaps } from './coverage.ts';
export { groups, queueGroups, type Group, type Level, type Requirement } from './requirement.ts';
export { requirements } from './requirements.ts';
export { readSchema, schemaNames, type SchemaName } from './expectations/published-schemas.ts';
export { runScenario, runScenarios, type Outcome, type ScenarioResult } from './run-scenarios.ts';
export type { Scenario } from './scenario.ts';
export { scenarios } from './scenarios.ts';
export type { Target } from './server-under-test.ts';
