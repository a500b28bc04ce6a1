// Runs the conformance kit against the reference server, a small server that shares no code with the product. The
// correct server must conform. For each fault, the requirement that the fault violates must fail.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { queueGroups } from './requirement.ts';
import { requirements } from './requirements.ts';
import { runScenarios, type ScenarioResult } from './run-scenarios.ts';
import { scenarios } from './scenarios.ts';
import { verdictOf } from './conformance-level.ts';
import { ReferenceServer, type Flaw } from './testing/reference-server.ts';

const ofTheDoor = scenarios.filter(({ group }) => !queueGroups.includes(group));

async function run(flaws: readonly Flaw[], chosen = ofTheDoor): Promise<readonly ScenarioResult[]> {
  const server = new ReferenceServer(flaws);
  try {
    const { adminToken, experiment, other } = server;
    const url = await server.start();
    return await runScenarios(chosen, { url, adminToken, experiment: experiment.id, otherExperiment: other.id });
  } finally {
    server.stop();
  }
}

function failures(results: readonly ScenarioResult[]): readonly object[] {
  return results.flatMap(({ scenario, outcome }) =>
    outcome.kind === 'failed' ? [{ scenario: scenario.name, ...outcome }] : [],
  );
}

test('a server that shares no code with the product conforms', async () => {
  const results = await run([]);
  expect(failures(results)).toEqual([]);
  const verdict = verdictOf(results, requirements);
  expect(verdict.levels.flatMap(({ notTried }) => notTried)).toEqual([]);
  expect(verdict.conformant).toBe(true);
});

test('a server that omits everything optional conforms, and the report lists what it omits', async () => {
  const results = await run(['offers-nothing-optional']);
  expect(failures(results)).toEqual([]);
  const { levels } = verdictOf(results, requirements);
  const left = levels.flatMap(({ notOffered }) => notOffered);
  expect(left).toEqual(expect.arrayContaining(['AT-21', 'AT-33', 'AT-36', 'AT-37', 'AT-38']));
  // Without `--max-artifact-bytes`, it is not known whether the server enforces a size limit (AT-17, AT-18).
  const unknown = levels.flatMap(({ notKnown }) => notKnown);
  const reason = expect.stringContaining('--max-artifact-bytes') as string;
  expect(unknown).toEqual(['AT-17', 'AT-18'].map((id) => ({ id, reason })));
});

test('no scenario exceeds a small size limit except those about the limit', async () => {
  const server = new ReferenceServer();
  const sizes: number[] = [];
  const { adminToken, experiment, other } = server;
  const url = await server.start();
  const target = { url, adminToken, experiment: experiment.id, otherExperiment: other.id, maxArtifactBytes: 100 };
  // The reference server has no size limit. So the scenarios that exceed a limit (AT-17, AT-18) are omitted.
  const within = ofTheDoor.filter(({ requirements: ids }) => !ids.includes('AT-17') && !ids.includes('AT-18'));
  try {
    const results = await runScenarios(within, target);
    expect(failures(results)).toEqual([]);
    for (const { artifacts } of [experiment, other])
      for (const { bytes } of artifacts.values()) sizes.push(bytes.length);
    expect(Math.max(...sizes)).toBe(100);
  } finally {
    server.stop();
  }
});

test('the command stops at once when the admin token is refused', async () => {
  const server = new ReferenceServer();
  const { code, output } = await command(server, '--admin-token', 'not-the-token');
  expect(code).toBe(2);
  expect(output).toMatch(/^proofhouse-conformance: the admin token is refused by http:\S+ \(401\)/);
  expect(output).not.toMatch(/FAIL|not-the-token/);
});

const found: Readonly<Record<Exclude<Flaw, 'offers-nothing-optional'>, string>> = {
  'admits-direct-members-only': 'GR-17',
  'answers-errors-as-text': 'PJ-01',
  'appends-charset': 'AT-23',
  'cuts-lists': 'WR-20',
  'cuts-credential-at-last-colon': 'WA-05',
  'forgets-cycles': 'GR-11',
  'forgets-nosniff': 'AT-25',
  'ignores-row-access': 'AT-31',
  'keeps-old-tokens': 'WR-10',
  'lets-admins-register': 'WR-21',
  'lets-anybody-grant': 'AT-34',
  'looks-for-cycles-too-early': 'GR-12',
  'looks-up-before-class': 'WA-09',
  'mints-uris-from-content': 'AT-08',
  'names-relative-instances': 'PJ-05',
  'opens-in-the-browser': 'AT-24',
  'reads-header-before-credential': 'WA-07',
  'replaces-by-key': 'AT-21',
  'routes-before-credential': 'WA-06',
  'routes-before-header': 'PJ-22',
  'shows-tokens': 'WR-06',
  sniffs: 'AT-05',
  'takes-any-member': 'GR-23',
  'takes-stray-fields': 'AT-13',
  'trims-names': 'WR-18',
  'wants-bearer-in-capitals': 'WA-04',
};

test.each(Object.entries(found))('a server with the fault %s fails %s', async (flaw, id) => {
  const about = ofTheDoor.filter((scenario) => scenario.requirements.includes(id));
  const results = await run([flaw as Flaw], about);
  expect(failures(results)).not.toEqual([]);
});

async function command(server: ReferenceServer, ...args: string[]): Promise<{ code: number; output: string }> {
  const file = fileURLToPath(new URL('../bin/proofhouse-conformance.js', import.meta.url));
  const { adminToken, experiment } = server;
  const target = ['--url', await server.start(), '--admin-token', adminToken, '--experiment', experiment.id];
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [file, ...target, ...args]);
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, output: stdout + stderr };
  } finally {
    server.stop();
  }
}

test('the command exits 0 for a conforming server and lists what could not be tested', async () => {
  const { code, output } = await command(new ReferenceServer(), '--group', 'worker-auth', '--group', 'groups');
  expect(code).toBe(0);
  expect(output).toContain('skip  worker auth: a plain queue token is no credential here');
  expect(output).toContain('musts not tried: WA-12');
  expect(output).toMatch(/^conformant: worker auth, groups$/m);
});

test('the command exits 1 for a server that does not conform, and never shows a token', async () => {
  const server = new ReferenceServer(['shows-tokens']);
  const { code, output } = await command(server, '--group', 'worker-registration', '--json');
  expect(code).toBe(1);
  const report = JSON.parse(output) as { conformant: boolean; results: { outcome: { kind: string; seen?: string } }[] };
  expect(report.conformant).toBe(false);
  const seen = report.results.flatMap(({ outcome }) => outcome.seen ?? []);
  expect(seen.join()).toContain('registration_token');
  const tokens = [...server.experiment.workers.values()].map(({ token }) => token);
  expect(tokens.length).toBeGreaterThan(0);
  expect([server.adminToken, ...tokens].filter((token) => output.includes(token.slice(0, 8)))).toEqual([]);
});
