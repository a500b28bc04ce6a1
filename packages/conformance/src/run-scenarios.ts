import { NotKnown, NotTried } from './expectations/expectations.ts';
import { Mismatch } from './expectations/mismatch.ts';
import { redact } from './calls/redact.ts';
import type { Scenario } from './scenario.ts';
import { reasonOf, ServerUnderTest, type Target } from './server-under-test.ts';

export type Outcome =
  | { readonly kind: 'passed' }
  /**
   * The scenario ended early. `not-offered`: the server does not offer a function that it needs. `not-known`: it is not
   * known whether the server offers this, because an input is missing.
   */
  | { readonly kind: 'skipped'; readonly reason: string; readonly because: 'not-offered' | 'not-known' }
  | { readonly kind: 'failed'; readonly request: string; readonly expected: string; readonly seen: string };

export interface ScenarioResult {
  readonly scenario: Scenario;
  readonly outcome: Outcome;
  readonly elapsedMs: number;
}

const usualLimitMs = 30_000;

/**
 * Runs the scenarios one after another, because this is not a load test. Calls `report` with the result of each
 * scenario at its end.
 */
export async function runScenarios(
  scenarios: readonly Scenario[],
  target: Target,
  report: (result: ScenarioResult) => void = () => undefined,
): Promise<readonly ScenarioResult[]> {
  const results: ScenarioResult[] = [];
  for (const scenario of scenarios) {
    const result = await runScenario(scenario, target);
    report(result);
    results.push(result);
  }
  return results;
}

/** Runs one scenario within its time limit. Removes the secrets of the scenario from the result. */
export async function runScenario(scenario: Scenario, target: Target): Promise<ScenarioResult> {
  const limitMs = scenario.limitMs ?? usualLimitMs;
  const secrets = new Set<string>();
  const limit = new AbortController();
  const started = performance.now();
  const timer = setTimeout(() => limit.abort(), limitMs);
  const outOfTime = new Promise<never>((_, fail) => {
    limit.signal.addEventListener('abort', () => {
      fail(
        new Mismatch({
          request: 'the scenario',
          what: 'the end',
          expected: `within ${limitMs / 1000} s`,
          seen: 'none',
        }),
      );
    });
  });
  const outcome = await Promise.race([
    scenario.run(new ServerUnderTest(target, limit.signal, secrets)),
    outOfTime,
  ]).then((): Outcome => ({ kind: 'passed' }), outcomeOf);
  clearTimeout(timer);
  // Aborts calls that the scenario started and did not await.
  limit.abort();
  return { scenario, outcome: withoutSecrets(outcome, secrets), elapsedMs: Math.round(performance.now() - started) };
}

function outcomeOf(error: unknown): Outcome {
  if (error instanceof NotTried) {
    const because = error instanceof NotKnown ? 'not-known' : 'not-offered';
    return { kind: 'skipped', reason: error.message, because };
  }
  if (error instanceof Mismatch)
    return { kind: 'failed', request: error.request, expected: error.expected, seen: error.seen };
  return { kind: 'failed', request: 'the scenario', expected: 'no error', seen: reasonOf(error) };
}

function withoutSecrets(outcome: Outcome, secrets: ReadonlySet<string>): Outcome {
  return Object.fromEntries(
    Object.entries(outcome).map(([name, value]: [string, string]) => [name, redact(value, secrets)]),
  ) as unknown as Outcome;
}
