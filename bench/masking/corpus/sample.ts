// A sample of the corpus: a text with the byte spans of its secrets. Builders mark secrets inside ordinary strings, and
// `makeSample` turns the marks into spans.

export type Half = 'development' | 'held-out';

/** The class of a secret, or the reason why a sample has no secret. */
export type SampleClass = 'structured' | 'context' | 'generic' | 'placeholder' | 'look-alike';

/** Bytes from `from` up to but not including `to`. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface SampleOrigin {
  readonly half: Half;
  readonly class: SampleClass;
  /** The format of the secret, or the kind of text without a secret. */
  readonly family: string;
  readonly context: string;
  /** Name of the file that has such a text. secretlint chooses its rules by it. */
  readonly file: string;
}

export interface Sample extends SampleOrigin {
  readonly text: string;
  /** Every byte of these spans must be masked. A secret of several lines has one span for each line. */
  readonly secrets: readonly Span[];
  /** Bytes that may be masked with the secret, such as the first and last line of a PEM block. Includes the secrets. */
  readonly tolerated: readonly Span[];
}

/**
 * The characters that mark the spans, from a private use area of Unicode. No sample contains them, and JSON.stringify
 * does not change them.
 */
const [secretStart, secretEnd, toleratedStart, toleratedEnd] = ['\u{e000}', '\u{e001}', '\u{e002}', '\u{e003}'];
const anyMark = /[\u{e000}-\u{e003}]/u;

/** Marks text whose bytes must be masked. */
export function secret(text: string): string {
  return `${secretStart}${text}${secretEnd}`;
}

/** Marks text that may be masked, but need not be. It may contain secrets. */
export function tolerated(text: string): string {
  return `${toleratedStart}${text}${toleratedEnd}`;
}

export function makeSample(origin: SampleOrigin, marked: string): Sample {
  const [secrets, allowed]: [Span[], Span[]] = [[], []];
  const parts: string[] = [];
  let [bytes, secretFrom, toleratedFrom, rest] = [0, 0, 0, marked];
  for (let match = anyMark.exec(rest); match !== null; match = anyMark.exec(rest)) {
    const part = rest.slice(0, match.index);
    parts.push(part);
    bytes += Buffer.byteLength(part);
    const [mark] = match;
    if (mark === secretStart) secretFrom = bytes;
    else if (mark === toleratedStart) toleratedFrom = bytes;
    else if (mark === secretEnd) secrets.push({ from: secretFrom, to: bytes });
    else allowed.push({ from: toleratedFrom, to: bytes });
    rest = rest.slice(match.index + 1);
  }
  return { ...origin, text: [...parts, rest].join(''), secrets, tolerated: [...secrets, ...allowed] };
}
