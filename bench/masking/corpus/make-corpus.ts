// Creates the labelled corpus, which has two halves. Failures in the development half may be used to correct the rules.
// The held-out half has other seeds, templates, names and placeholders, and only its totals are reported.
import type { Context, NamedValue } from './context.ts';
import { contexts, templatesOf } from './contexts.ts';
import { genericFamilies, placeholdersOf, plainNamesOf, secretNamesOf } from './generic-values.ts';
import { keyFamilies, keyTexts } from './key-blocks.ts';
import { lookAlikes } from './look-alikes.ts';
import { realSamples } from './real-files.ts';
import { makeSample, type Half, type Sample, type SampleClass } from './sample.ts';
import { SeededRandom } from './seeded-random.ts';
import { surroundedFamilies, surroundedTemplates } from './surrounded-secrets.ts';
import { tokenFamilies, type TokenFamily } from './token-families.ts';

const seeds: Readonly<Record<Half, number>> = { development: 20_261, 'held-out': 77_003 };
const samplesPerTemplate = 3;
const lookAlikesPerKind = 8;

export function makeCorpus(half: Half): Sample[] {
  const random = new SeededRandom(seeds[half]);
  return [
    ...tokenFamilies.flatMap((family) => tokenSamples(family, half, random)),
    ...keySamples(half, random),
    ...surroundedSamples(half, random),
    ...genericSamples(half, random),
    ...placeholderSamples(half, random),
    ...lookAlikeSamples(half, random),
    ...realSamples(half),
  ];
}

function inContext(
  { context, half, family, ofClass }: { context: Context; half: Half; family: string; ofClass: SampleClass },
  makeItem: () => NamedValue,
  random: SeededRandom,
): Sample[] {
  const origin = { half, class: ofClass, family, context: context.context, file: context.file };
  return templatesOf(context, half).map((template) => makeSample(origin, template(makeItem(), random)));
}

function tokenSamples(
  { family, make, names, needsName, urlSafe }: TokenFamily,
  half: Half,
  random: SeededRandom,
): Sample[] {
  const choices = names ?? plainNamesOf(half);
  return contexts
    .filter((context) => !(needsName === true && context.named === false) && !(urlSafe === false && context.inUrl))
    .flatMap((context) =>
      inContext(
        { context, half, family, ofClass: 'structured' },
        () => ({ name: random.pick(choices), value: make(random) }),
        random,
      ),
    );
}

function keySamples(half: Half, random: SeededRandom): Sample[] {
  return keyFamilies.flatMap(({ family, make }) =>
    keyTexts(make(random), half, random).map(({ text, ...origin }) =>
      makeSample({ half, class: 'structured', family, ...origin }, text),
    ),
  );
}

function surroundedSamples(half: Half, random: SeededRandom): Sample[] {
  return surroundedFamilies.flatMap((family) =>
    surroundedTemplates(family, half).flatMap((template) =>
      Array.from({ length: samplesPerTemplate }, () =>
        makeSample(
          { half, class: 'context', family: family.family, context: family.family, file: family.file },
          template(random),
        ),
      ),
    ),
  );
}

function genericSamples(half: Half, random: SeededRandom): Sample[] {
  return genericFamilies.flatMap(({ family, urlSafe, make }) =>
    contexts
      .filter((context) => context.named !== false && (urlSafe || context.inUrl === undefined))
      .flatMap((context) =>
        inContext(
          { context, half, family, ofClass: 'generic' },
          () => ({ name: random.pick(secretNamesOf(half)), value: make(random) }),
          random,
        ),
      ),
  );
}

function placeholderSamples(half: Half, random: SeededRandom): Sample[] {
  return placeholdersOf(half).flatMap((value) =>
    contexts
      .filter((context) => context.named !== false)
      .flatMap((context) =>
        inContext(
          { context, half, family: value, ofClass: 'placeholder' },
          () => ({ name: random.pick(secretNamesOf(half)), value }),
          random,
        ),
      ),
  );
}

function lookAlikeSamples(half: Half, random: SeededRandom): Sample[] {
  return Object.entries(lookAlikes).flatMap(([family, make]) =>
    Array.from({ length: lookAlikesPerKind }, () =>
      makeSample({ half, class: 'look-alike', family, context: 'file', file: 'text.txt' }, make(random)),
    ),
  );
}
