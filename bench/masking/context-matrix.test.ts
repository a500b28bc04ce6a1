// Tests every combination of a context and a family of secrets, on the development half of the corpus.
import { expect, it } from 'vitest';
import { contexts } from './corpus/contexts.ts';
import { makeCorpus } from './corpus/make-corpus.ts';
import { proofhouse } from './detectors.ts';
import { failures, judge } from './score-corpus.ts';

const samples = makeCorpus('development').filter(
  (sample) => sample.class === 'structured' || sample.class === 'generic',
);

/**
 * The combinations in which some secrets are not found. Each is a context with the beginnings of the names of families.
 */
const gaps: Readonly<Record<string, readonly string[]>> = {
  // A plus at the start of a line of Base64 stays, because it may be the sign of a diff.
  'XML element': ['pem '],
  // If a name does not name a password, its value must look random to be masked. The values of this context look like
  // words with hyphens.
  'argument or constant': ['words and digits'],
};

it.each(contexts.map(({ context }) => context))('%s: every family is masked wholly', async (context) => {
  const here = samples.filter((sample) => sample.context === context);
  expect(new Set(here.map(({ family }) => family)).size).toBeGreaterThanOrEqual(35);
  const judged = await judge(proofhouse(), here);
  const missed = failures(judged)
    .filter(({ kind, sample }) => kind === 'missed' && !gaps[context]?.some((start) => sample.family.startsWith(start)))
    .map(({ sample, part }) => `${sample.family}: ${part} in ${sample.text}`);
  expect(missed).toEqual([]);
});
