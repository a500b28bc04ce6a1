// Compares the spans that a detector found with the labels of the corpus.
//
// Recall: the share of samples with a secret in which every byte of every labelled secret is masked, by the class of
// the sample. A private key of 20 lines counts once.
// Precision: the share of masked spans that overlap a labelled secret, or text that may be masked with it, by the class
// of the rule that masked them.
// Excess: the share of masked bytes that are outside of every labelled secret, and outside of text that may be masked
// with it.
import type { Detector, FoundSpan } from './detectors.ts';
import type { Half, Sample, SampleClass, Span } from './corpus/sample.ts';

export const scoredClasses = ['structured', 'context', 'generic'] as const;
type ScoredClass = (typeof scoredClasses)[number];

export interface ClassScore {
  readonly class: ScoredClass;
  readonly samples: number;
  readonly recall: number;
  readonly spans: number;
  readonly precision: number;
}

/** Samples without a secret in which something was masked. */
export interface CleanScore {
  readonly class: 'placeholder' | 'look-alike';
  readonly samples: number;
  readonly masked: number;
}

export interface CorpusScore {
  readonly detector: string;
  readonly half: Half;
  readonly classes: readonly ClassScore[];
  readonly clean: readonly CleanScore[];
  readonly excess: number;
  /** The families of structured secrets whose recall is too low, with their recall. */
  readonly weakFamilies: readonly { readonly family: string; readonly recall: number }[];
}

export interface Failure {
  readonly kind: 'missed' | 'too much';
  readonly sample: Sample;
  readonly rule: string;
  /**
   * Bytes that should have been masked but were not (`missed`), or that were masked but should not have been (`too
   * much`).
   */
  readonly part: string;
}

export interface Judged {
  readonly sample: Sample;
  readonly found: readonly FoundSpan[];
}

export async function judge(detector: Detector, samples: readonly Sample[]): Promise<Judged[]> {
  const judged: Judged[] = [];
  for (const sample of samples) judged.push({ sample, found: await detector.detect(sample) });
  return judged;
}

export function score(detector: string, half: Half, judged: readonly Judged[]): CorpusScore {
  return {
    detector,
    half,
    classes: scoredClasses.map((name) => classScore(name, judged)),
    clean: (['placeholder', 'look-alike'] as const).map((name) => cleanScore(name, judged)),
    excess: excessShare(judged),
    weakFamilies: weakFamilies(judged),
  };
}

/** Returns the failures: secrets that were not masked completely, and masked spans without a secret. */
export function failures(judged: readonly Judged[]): Failure[] {
  return judged.flatMap(({ sample, found }) => {
    const missed = sample.secrets
      .filter((secret) => !isMasked(secret, found))
      .map((secret) => ({ kind: 'missed' as const, sample, rule: '', part: partOf(sample, secret) }));
    const wrong = found
      .filter((span) => !isRight(span, sample))
      .map((span) => ({ kind: 'too much' as const, sample, rule: span.rule, part: partOf(sample, span) }));
    return [...missed, ...wrong];
  });
}

function partOf({ text }: Sample, { from, to }: Span): string {
  return Buffer.from(text).subarray(from, to).toString();
}

function classScore(name: ScoredClass, judged: readonly Judged[]): ClassScore {
  const samples = judged.filter(({ sample }) => sample.class === name);
  const spans = judged.flatMap(({ sample, found }) =>
    found.filter((span) => span.class === name).map((span) => isRight(span, sample)),
  );
  return {
    class: name,
    samples: samples.length,
    recall: share(samples.map(isWhole)),
    spans: spans.length,
    precision: share(spans),
  };
}

function cleanScore(name: Extract<SampleClass, 'placeholder' | 'look-alike'>, judged: readonly Judged[]): CleanScore {
  const samples = judged.filter(({ sample }) => sample.class === name);
  return { class: name, samples: samples.length, masked: samples.filter(({ found }) => found.length > 0).length };
}

function weakFamilies(judged: readonly Judged[]): { family: string; recall: number }[] {
  const structured = judged.filter(({ sample }) => sample.class === 'structured');
  return [...Map.groupBy(structured, ({ sample }) => sample.family)]
    .map(([family, items]) => ({ family, recall: share(items.map(isWhole)) }))
    .filter(({ recall }) => recall < 0.99);
}

/** Returns the share of the values that are true, or 1 for an empty list. */
function share(values: readonly boolean[]): number {
  return values.length === 0 ? 1 : values.filter(Boolean).length / values.length;
}

function isWhole({ sample, found }: Judged): boolean {
  return sample.secrets.every((secret) => isMasked(secret, found));
}

function isMasked({ from, to }: Span, found: readonly Span[]): boolean {
  let reached = from;
  for (const span of found.toSorted((left, right) => left.from - right.from))
    if (span.from <= reached) reached = Math.max(reached, span.to);
  return reached >= to;
}

/** Returns true if the span overlaps a secret or text that may be masked with it. */
function isRight(span: Span, { tolerated }: Sample): boolean {
  return tolerated.some(({ from, to }) => span.from < to && from < span.to);
}

function excessShare(judged: readonly Judged[]): number {
  let [all, outside] = [0, 0];
  for (const { sample, found } of judged) {
    const right = found.filter((span) => isRight(span, sample));
    for (const span of right) {
      all += span.to - span.from;
      for (let byte = span.from; byte < span.to; byte++)
        if (!sample.tolerated.some(({ from, to }) => from <= byte && byte < to)) outside += 1;
    }
  }
  return all === 0 ? 0 : outside / all;
}
