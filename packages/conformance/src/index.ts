export type { Requirement, Scenario, Target } from './requirement.ts';
export { requirements } from './requirements.ts';
export { coverageGaps, runScenarios, type ScenarioResult } from './run-scenarios.ts';
export { scenarios } from './scenarios.ts';
