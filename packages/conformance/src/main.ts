#!/usr/bin/env node
import process from 'node:process';
import { parseArgs } from 'node:util';
import { runScenarios } from './run-scenarios.ts';
import { scenarios } from './scenarios.ts';

const usage = 'Usage: proofhouse-conformance --url <base URL> --admin-token <token> [--json]';
const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    'admin-token': { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  console.log(usage);
} else if (values.url === undefined || values['admin-token'] === undefined) {
  console.error(usage);
  process.exitCode = 2;
} else {
  const target = { url: values.url.replace(/\/$/, ''), adminToken: values['admin-token'] };
  const results = await runScenarios(scenarios, target);
  const failed = results.filter((result) => result.failure !== undefined);
  if (values.json) console.log(JSON.stringify({ results }, null, 2));
  else
    for (const { name, failure } of results)
      console.log(failure === undefined ? `ok    ${name}` : `FAIL  ${name}: ${failure}`);
  if (failed.length > 0) process.exitCode = 1;
}
