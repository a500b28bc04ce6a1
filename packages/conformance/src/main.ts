#!/usr/bin/env node
import process from 'node:process';
import { readCommandLine, usage, type Request } from './command-line.ts';
import { verdictOf } from './conformance-level.ts';
import { jsonList, jsonReport, listLines, resultLines, verdictLines } from './report.ts';
import { requirements } from './requirements.ts';
import { runScenarios, type ScenarioResult } from './run-scenarios.ts';
import { scenarios } from './scenarios.ts';
import { reasonOf, refusesAdmin } from './server-under-test.ts';

process.exitCode = await answer(readCommandLine(process.argv.slice(2)));

async function answer(request: Request): Promise<number> {
  if (request.kind === 'help') print([usage]);
  else if (request.kind === 'list') list(request);
  else if (request.kind === 'run') return run(request);
  else {
    console.error(`proofhouse-conformance: ${request.reason}\n\n${usage}`);
    return 2;
  }
  return 0;
}

function list({ groups, json }: Extract<Request, { kind: 'list' }>): void {
  const [owed, tried] = [
    requirements.filter(({ group }) => groups.includes(group)),
    scenarios.filter(({ group }) => groups.includes(group)),
  ];
  if (json) print([JSON.stringify(jsonList(tried, owed), undefined, 2)]);
  else print(listLines(tried, owed));
}

async function run({ groups, json, target }: Extract<Request, { kind: 'run' }>): Promise<number> {
  const unreachable = await fetch(target.url, { redirect: 'manual', signal: AbortSignal.timeout(10_000) }).then(
    () => undefined,
    reasonOf,
  );
  if (unreachable !== undefined) {
    console.error(`proofhouse-conformance: ${target.url} cannot be reached: ${unreachable}`);
    return 2;
  }
  // If this call fails in another way, the error is ignored, because the scenarios report it.
  if (await refusesAdmin(target).catch(() => false)) {
    console.error(`proofhouse-conformance: the admin token is refused by ${target.url} (401): check --admin-token`);
    return 2;
  }
  const chosen = scenarios.filter(({ group }) => groups.includes(group));
  const tell = (result: ScenarioResult): void => {
    if (!json) print(resultLines(result, requirements));
  };
  const results = await runScenarios(chosen, target, tell);
  const verdict = verdictOf(results, requirements);
  if (json) print([JSON.stringify(jsonReport(results, verdict), undefined, 2)]);
  else print(['', ...verdictLines(verdict)]);
  return verdict.conformant ? 0 : 1;
}

function print(lines: readonly string[]): void {
  for (const line of lines) console.log(line);
}
