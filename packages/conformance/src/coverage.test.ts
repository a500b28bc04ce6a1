import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, test } from 'vitest';
import { coverageGaps } from './coverage.ts';
import { must, operational, requirementsOf } from './requirement.ts';
import { requirements } from './requirements.ts';
import { scenariosOf } from './scenario.ts';
import { scenarios } from './scenarios.ts';

test('every requirement has a scenario or a reason without one, and every cited id is a requirement', () => {
  expect(coverageGaps(requirements, scenarios)).toEqual([]);
});

test('gaps are found in both directions', () => {
  const owed = requirementsOf('groups', {
    'GR-A': must('Shown.', 'here'),
    'GR-B': must('Shown by nobody.', 'here'),
    'GR-C': operational('Shown though it cannot be.', 'here', 'it cannot be'),
    'GR-D': operational('Not to be shown.', 'here', 'it cannot be'),
  });
  const run = () => Promise.resolve();
  const told = scenariosOf('groups', [
    { name: 'one', requirements: ['GR-A', 'GR-C', 'GR-X'], run },
    { name: 'one', requirements: [], run },
  ]);
  expect(coverageGaps(owed, told)).toEqual([
    'GR-B is shown by no scenario and does not say why',
    'GR-C is shown by a scenario and says that it cannot be',
    'GR-X is cited and not listed',
    'two scenarios are called "one"',
    '"one" cites no requirement',
  ]);
});

test('requirements are cited within their own group', () => {
  const groupOf = new Map(requirements.map(({ id, group }) => [id, group]));
  const strangers = scenarios.flatMap(({ name, group, requirements: ids }) =>
    ids.filter((id) => groupOf.get(id) !== group).map((id) => `${name}: ${id}`),
  );
  expect(strangers).toEqual([]);
});

test('the page of tests per requirement names existing requirements and tests', () => {
  const root = new URL('../../../', import.meta.url);
  const read = (file: string): string => readFileSync(new URL(file, root), 'utf8');
  const section = read('docs/conformance.md').split('## Where each demand of the original text is held')[1] ?? '';
  const rows = section.split('\n').filter((line) => /^\| [^-*]/.test(line) && !line.startsWith('| Demand '));
  const files = globSync('{packages,scripts}/**/*.{test,contract}.ts', {
    cwd: root,
    exclude: (name) => name === 'node_modules' || name === 'dist',
  });
  const known = new Set(requirements.map(({ id }) => id));
  const objections = rows.flatMap((row) => {
    const held = row.split('|')[2] ?? '';
    const ids = held.match(/\b[A-Z]{2}-\d{2}\b/g) ?? [];
    const tests = [...held.matchAll(/`([^`]+)` "([^"]+)"/g)];
    const absent = tests.filter(
      ([, name, title = '']) => !files.some((file) => basename(file) === name && read(file).includes(title)),
    );
    return [
      ...(ids.length + tests.length > 0 ? [] : [row]),
      ...ids.filter((id) => !known.has(id)),
      ...absent.map(([named]) => named),
    ];
  });
  expect(rows.length).toBeGreaterThan(50);
  expect(objections).toEqual([]);
});
