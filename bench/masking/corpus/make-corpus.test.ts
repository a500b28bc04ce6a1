import { describe, expect, it } from 'vitest';
import { contexts, templatesOf } from './contexts.ts';
import { makeCorpus } from './make-corpus.ts';
import { makeSample, secret, tolerated } from './sample.ts';

const development = makeCorpus('development');
const heldOut = makeCorpus('held-out');

describe('the corpus of secrets', () => {
  it('is the same on every call', () => {
    expect(makeCorpus('held-out')).toEqual(heldOut);
  });

  it('has every structured family in both halves, and at least 200 samples of each class without a secret', () => {
    const families = (samples: typeof heldOut): string[] => [
      ...new Set(samples.filter((sample) => sample.class === 'structured').map(({ family }) => family)),
    ];
    expect(families(heldOut)).toEqual(families(development));
    for (const name of ['placeholder', 'look-alike'] as const)
      for (const samples of [development, heldOut])
        expect(samples.filter((sample) => sample.class === name).length).toBeGreaterThan(200);
  });

  it('labels a secret in every sample of a class with secrets, and none in the others', () => {
    for (const sample of [...development, ...heldOut]) {
      const isClean = sample.class === 'placeholder' || sample.class === 'look-alike';
      expect(sample.secrets.length > 0, JSON.stringify(sample)).toBe(!isClean);
    }
  });

  it('shares no secret and no template between the halves', () => {
    const secrets = (samples: typeof heldOut): Set<string> =>
      new Set(
        samples.flatMap(({ text, secrets }) =>
          secrets.map(({ from, to }) => Buffer.from(text).toString('utf8', from, to)),
        ),
      );
    // Secrets of up to 24 characters can consist of words and digits, so both halves may have the same secret by
    // chance. Longer secrets are random.
    const held = secrets(heldOut);
    const shared = [...secrets(development)].filter((text) => held.has(text));
    expect(shared.filter((text) => text.length > 24)).toEqual([]);
    for (const context of contexts) {
      const templates = templatesOf(context, 'held-out');
      expect(templatesOf(context, 'development').filter((template) => templates.includes(template))).toEqual([]);
      expect(templates.length).toBeGreaterThan(0);
    }
  });

  it('counts the bytes of a span in UTF-8', () => {
    const origin = { half: 'development', class: 'generic', family: '', context: '', file: '' } as const;
    const sample = makeSample(origin, `é=${tolerated(`a${secret('bc')}`)}.`);
    expect(sample).toMatchObject({ text: 'é=abc.', secrets: [{ from: 4, to: 6 }] });
    expect(sample.tolerated).toEqual([
      { from: 4, to: 6 },
      { from: 3, to: 6 },
    ]);
  });
});
