// A sample of the corpus: a text with the byte spans of its secrets. In the templates, marks enclose the secrets.
// `makeSample` converts the marks to spans.

export type Half = 'development' | 'held-out';

/** The class of the rule that must find the secret, or the reason why a sample has no secret. */
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
  /** All bytes of these spans must be masked. A secret of several lines has one span for each line. */
  readonly secrets: readonly Span[];
  /**
   * Bytes that may be masked together with the secret, such as the first and last line of a PEM block. They include the
   * secrets.
   */
  readonly tolerated: readonly Span[];
}

/**
 * The marks of the spans. They are characters from a private use area of Unicode, so no sample contains them.
 * JSON.stringify does not change them.
 */
const [secretStart, secretEnd, toleratedStart, toleratedEnd] = ['\u{e000}', '\u{e001}', '\u{e002}', '\u{e003}'];
const anyMark = /[\u{e000}-\u{e003}]/u;

/** Adds marks around text whose bytes must be masked. */
export function secret(text: string): string {
  return `${secretStart}${text}${secretEnd}`;
}

/** Adds marks around text that may be masked, but need not be. It may contain secrets. */
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
