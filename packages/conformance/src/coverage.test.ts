import { expect, test } from 'vitest';
import { coverageGaps } from './coverage.ts';
import { must, operational, requirementsOf } from './requirement.ts';
import { requirements } from './requirements.ts';
import { scenariosOf } from './scenario.ts';
import { scenarios } from './scenarios.ts';

test('every requirement has a scenario or says why not, and every citation a requirement', () => {
  expect(coverageGaps(requirements, scenarios)).toEqual([]);
});

test('gaps are found both ways', () => {
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
