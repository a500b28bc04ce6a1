// Every context with every family of secrets, on the development half of the corpus.
import { expect, it } from 'vitest';
import { contexts } from './corpus/contexts.ts';
import { makeCorpus } from './corpus/make-corpus.ts';
import { proofhouse } from './detectors.ts';
import { failures, judge } from './score-corpus.ts';

const samples = makeCorpus('development').filter(
  (sample) => sample.class === 'structured' || sample.class === 'generic',
);

/** The cells of the matrix in which some secrets are not found: a context with the start of the names of families. */
const gaps: Readonly<Record<string, readonly string[]>> = {
  // Text with a plus at the start of a line of Base64: the plus stays, as the sign of a diff.
  'XML element': ['pem '],
  // Names outside of passwords, with values that have no digit, or that have the form of a slug.
  'argument or constant': ['letters and digits', 'words and digits'],
  // No rule relates the columns of a header to the values of a row.
  'column names in a header': [''],
  'SQL with column names': [''],
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
