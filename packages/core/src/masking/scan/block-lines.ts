import { maskPlaceholder } from '../mask-placeholder.ts';
import type { BlockMarks } from '../secret-rule.ts';

/** One step of `BlockLines` reads this number of bytes. A line of the body and the end mark after it must fit. */
export const lineWindow = 1024;
/** Largest number of bytes before the base64 text of a line. */
const longestPrefix = 512;
/** Largest number of successive lines without text of the body, such as headers and lines of other programs. */
const maxSkippedLines = 8;
/** Largest number of bytes between the beginning of a block and its first line. */
const longestLead = 4096;
/** A block ends if it has more than this number of successive windows without a line end. */
const maxLongParts = 8;
/** Number of lines with text that may stand between a line of the body and an end mark that confirms it. */
const linesBeforeEnd = 3;
const shortestText = 16;
const longText = 40;
/** The widths of the lines of PEM files and of OpenSSH keys. */
const widths: ReadonlySet<number> = new Set([64, 70, 76]);

/**
 * Matches one base64 text, in which JSON may escape the slashes. Also matches control sequences of a terminal and
 * escape sequences, because their letters do not belong to a base64 text.
 */
const token =
  // eslint-disable-next-line no-control-regex -- control sequences begin with the control character ESC.
  /(?:\x1b|\\{1,4}(?:u001b|x1b|033|e)|\^\[)\[[0-9;?]{0,24}[A-Za-z]|\\{1,4}[A-Za-z0]|((?:[A-Za-z0-9+/]|\\{1,3}\/)+={0,3})/gi;
const mayHaveText = /[A-Za-z0-9+/\\]{16}/;
/**
 * Matches a line that contains only one base64 text. White space, the sign of a diff, and closing signs may surround
 * it.
 */
const bareLine =
  /^(?<lead>[+-]?[ \t]{0,200}=?)(?<text>[A-Za-z0-9+/]+={0,3})["'`]?[ \t]{0,4}(?:[,+;\\]|\.{1,3})?[ \t]{0,4}\r?$/;
const leadingText = /^(?:[A-Za-z0-9+/=]|\\{1,3}\/)*/;
/**
 * Matches the text before a base64 text that is part of a longer word, such as `sha384-`. Such a text is no line of a
 * key.
 */
const wordBefore = /(?:[._@%]|[A-Za-z]-|sha\d{1,3}-)$/;
/** Matches words and numbers. They consist of characters of base64, too. */
const word = /^(?:[A-Z]?[a-z]+|[A-Z]+|\d+)$/;

/**
 * What `BlockLines` found in the next part of a block of lines, such as a PEM key. The offsets are those in this part.
 * Bytes of the kinds `text` and `end` are masked. Bytes of the kind `skip` are not. `stop`: this part no longer belongs
 * to the block.
 */
export type LineStep =
  | { readonly kind: 'text' | 'end'; readonly from: number; readonly to: number }
  | { readonly kind: 'skip'; readonly to: number }
  | { readonly kind: 'stop' };

interface Run {
  readonly from: number;
  readonly to: number;
  /** Number of characters, without the backslashes of escaped slashes. */
  readonly width: number;
  readonly text: string;
}

interface NearMark {
  readonly isBeforeEnd: boolean;
  readonly hasMark: boolean;
}

const stop: LineStep = { kind: 'stop' };

/**
 * Finds the base64 text in each line of a block. Its lines may have other text before and after it, such as the time of
 * a log line, a comment sign or the fields of a JSON record. This other text may differ between lines. All full lines
 * of a block have the same width. So lines of other programs between them are recognized.
 */
export class BlockLines {
  /** Number of bytes that the last step has read. */
  readBytes = 0;
  /** True if the next step begins at the start of a line. */
  isLineStart = false;
  readonly #marks: BlockMarks;
  /** The text before the block on the same line. Undefined if it is unknown. */
  readonly #before: string | undefined;
  /** True if the end of the last base64 text was not read yet. */
  #isInText = false;
  /** Width of the last base64 text. 0 before the first one. */
  #width = 0;
  /** True if the last base64 text was shorter than the one before it. It was then probably the last line. */
  #isShort = false;
  /** The characters before and after the last base64 text. */
  #lead: string;
  #tail = '';
  #skippedLines = 0;
  #longParts = 0;
  #leadBytes = 0;

  constructor(marks: BlockMarks, before: string | undefined) {
    this.#marks = marks;
    this.#before = before;
    this.#lead = before === undefined ? '' : leadOf(before, before.length);
  }

  /**
   * Must be called after another pattern has read a part of the body. The next step then begins in the middle of a
   * line.
   */
  leaveLine(part: string): void {
    const texts = part.match(/[A-Za-z0-9+/=]+/g) ?? [];
    this.#width = texts.reduce((longest, { length }) => Math.max(longest, length), this.#width);
    this.isLineStart = false;
    this.#isInText = false;
    this.#skippedLines = 0;
  }

  /** Reads the text at the position of the block. `isLast` is true if no text follows it. */
  step(text: string, isLast: boolean): LineStep {
    const rest = this.#isInText ? (leadingText.exec(text)?.[0].length ?? 0) : 0;
    this.#isInText = rest > 0 && rest === text.length && !isLast;
    this.readBytes = rest;
    if (rest > 0) return { kind: 'text', from: 0, to: rest };
    const lineEnd = text.indexOf('\n');
    const line = lineEnd === -1 ? text : text.slice(0, lineEnd);
    this.readBytes = line.length;
    // The key on this line was masked before. So no body is searched after it.
    if (this.#width === 0 && line.includes(maskPlaceholder)) return stop;
    const border = this.#marks.border.exec(line);
    const run = this.#runIn(line.slice(0, border?.index), text, isLast);
    if (run !== undefined) return this.#take(line, run, text.length, isLast);
    if (border !== null) return this.#endAt(line, border.index);
    return lineEnd === -1 ? this.#skipPart(text, isLast) : this.#skipLine(line);
  }

  #take(line: string, { from, to, width }: Run, textLength: number, isLast: boolean): LineStep {
    this.#lead = leadOf(line, from);
    this.#tail = tailOf(line, to);
    this.#isShort = width < this.#width;
    this.#width = width;
    this.isLineStart = false;
    this.#isInText = to === textLength && !isLast;
    this.#skippedLines = 0;
    this.#longParts = 0;
    return { kind: 'text', from, to };
  }

  /**
   * Returns the end mark at an index of a line. If another mark is there, such as the beginning of a new block, the
   * block stops before it.
   */
  #endAt(line: string, index: number): LineStep {
    const end = this.#marks.end.exec(line);
    if (end?.index !== index || this.#width === 0) return stop;
    return { kind: 'end', from: index, to: index + end[0].length };
  }

  #skipLine(line: string): LineStep {
    if (this.isLineStart && !isBlank(line)) this.#skippedLines += 1;
    this.isLineStart = true;
    return this.#skip(line.length + 1);
  }

  /** Skips only half of the text, because a base64 text may continue after the text and must then be read again. */
  #skipPart(text: string, isLast: boolean): LineStep {
    this.isLineStart = false;
    this.#longParts += 1;
    return isLast || this.#longParts > maxLongParts ? stop : this.#skip(text.length >> 1);
  }

  #skip(to: number): LineStep {
    this.#leadBytes += to;
    const isTooLong = this.#width === 0 && this.#leadBytes > longestLead;
    return isTooLong || this.#skippedLines > maxSkippedLines ? stop : { kind: 'skip', to };
  }

  /** Returns the base64 text of the body in a line, or undefined. `text` is the line and the text after it. */
  #runIn(line: string, text: string, isLast: boolean): Run | undefined {
    if (line.includes(maskPlaceholder)) return undefined;
    const hasMark = line.length < text.length && text[line.length] !== '\n';
    const bare = this.isLineStart ? this.#bareRun(line, hasMark) : undefined;
    if (bare !== undefined) return this.#acceptsBare(bare, text, isLast) ? bare : undefined;
    const mayHaveLong = mayHaveText.test(line);
    if (this.#width === 0) return mayHaveLong ? this.#firstRun(this.#runsIn(line), line) : undefined;
    const full = mayHaveLong ? this.#fullRun(this.#runsIn(line), line) : undefined;
    if (full !== undefined) return full;
    const isBeforeEnd = this.#isBeforeEnd(text, line.length);
    if (!mayHaveLong && !isBeforeEnd) return undefined;
    return this.#otherRun(this.#runsIn(line), line, { isBeforeEnd, hasMark });
  }

  /**
   * Returns the base64 texts of a line. If a plus sign is the sign of a diff, it does not belong to the first of them.
   */
  #runsIn(line: string): readonly Run[] {
    const runs = runsIn(line);
    const [first, ...others] = runs;
    const isSigned = this.isLineStart && first?.from === 0 && first.text.startsWith('+');
    if (first === undefined || !isSigned || !this.#isDiffSign(first.width - 1)) return runs;
    return [{ ...first, from: 1, width: first.width - 1, text: first.text.slice(1) }, ...others];
  }

  /**
   * Returns the first line of a body. It must look like base64, because many texts mention a key without containing it.
   */
  #firstRun(runs: readonly Run[], line: string): Run | undefined {
    const mixed = runs.filter(({ from, text }) => isMixed(text) && !wordBefore.test(line.slice(0, from)));
    const usual = mixed.find(({ width }) => widths.has(width));
    if (usual !== undefined) return usual;
    if (this.#skippedLines > 0) {
      return mixed.find(({ from, width }) => width >= longText && isSameLead(this.#lead, leadOf(line, from)));
    }
    if (!this.isLineStart) return mixed.find(({ from, width }) => from <= 4 && width >= longText);
    const last = runs.at(-1);
    const isLast = (run: Run) => run === last && /^["'`\s\\]*$/.test(line.slice(run.to));
    return mixed.find((run) => {
      return run.width >= longText || (run.width >= shortestText && isLast(run) && looksRandom(run.text));
    });
  }

  #fullRun(runs: readonly Run[], line: string): Run | undefined {
    const shortest = this.#isShort ? longText : shortestText;
    const full = runs.filter(({ width, text }) => width === this.#width && width >= shortest && hasBothCases(text));
    return (this.isLineStart ? full.find((run) => this.#isAlike(run, line)) : undefined) ?? full[0];
  }

  /**
   * Returns a line of the body whose width differs from that of the line before it. `isBeforeEnd` is true if an end
   * mark follows. `hasMark` is true if it is on the same line.
   */
  #otherRun(runs: readonly Run[], line: string, { isBeforeEnd, hasMark }: NearMark): Run | undefined {
    if (!this.isLineStart && !hasMark) return undefined;
    if (!hasMark && !this.#isShort && this.#skippedLines === 0) {
      const long = runs.find((run) => run.width >= longText && isMixed(run.text));
      if (long !== undefined) return long;
    }
    const alike = runs.findLast((run) => this.#isAlike(run, line));
    const last = hasMark || this.#isShort ? undefined : runs.at(-1);
    const isLikely = last !== undefined && last.width % 2 === 0 && !word.test(last.text);
    const isChecksum = ({ from, text }: Run) => text.length === 4 && line[from - 1] === '=' && !word.test(text);
    const checksum = isBeforeEnd && !hasMark ? runs.find(isChecksum) : undefined;
    const likely = alike ?? (isLikely ? last : checksum);
    if (likely === undefined || isBeforeEnd) return likely;
    const isRandom = likely.width >= shortestText && isMixed(likely.text) && looksRandom(likely.text);
    return !hasMark && !this.#isShort && this.#skippedLines === 0 && isRandom ? likely : undefined;
  }

  /** Returns true if the characters around a base64 text are like those around the previous one. */
  #isAlike({ from, to }: Run, line: string): boolean {
    return isSameLead(this.#lead, leadOf(line, from)) && isSameTail(this.#tail, tailOf(line, to));
  }

  #acceptsBare(run: Run, text: string, isLast: boolean): boolean {
    const isFirst = this.#width === 0;
    if (run.width === this.#width && run.width >= shortestText) return true;
    if (this.#isBeforeEnd(text, run.to)) return !isFirst || !word.test(run.text);
    if (this.#skippedLines > 0) return widths.has(run.width) && isFirst && isMixed(run.text);
    if (run.width >= shortestText && !this.#isShort) return hasBothCases(run.text);
    return !isFirst && !this.#isShort && (!word.test(run.text) || (isLast && run.to === text.length));
  }

  /** Returns the base64 text that is alone on a line. Only the end mark may follow it directly. */
  #bareRun(line: string, hasMark: boolean): Run | undefined {
    const { lead = '', text = '' } = bareLine.exec(line)?.groups ?? {};
    if (!/[A-Za-z0-9]/.test(text) || (hasMark && lead.length + text.length < line.length)) return undefined;
    // A line of base64 may begin with a plus sign.
    const isText = lead === '+' && !this.#isDiffSign(text.length);
    const from = isText ? 0 : lead.length;
    const to = lead.length + text.length;
    return { from, to, width: to - from, text: line.slice(from, to) };
  }

  /**
   * Returns true if a plus sign before a line of the given width is the sign of a diff. The first line of the block may
   * show this. Otherwise the width decides, because the lines of a key have an even width.
   */
  #isDiffSign(width: number): boolean {
    const sign = this.#before === undefined ? ' ' : this.#before.charAt(0);
    return sign === '+' || sign === '-' || ((sign === ' ' || sign === '\t') && width % 2 === 0);
  }

  /** Returns true if an end mark follows within a few lines. */
  #isBeforeEnd(text: string, from: number): boolean {
    const after = text.slice(from);
    const end = this.#marks.end.exec(after);
    this.readBytes += after.length;
    if (end === null) return false;
    const between = after.slice(0, end.index).split('\n');
    return between.filter((line, index) => index === 0 || !isBlank(line)).length <= linesBeforeEnd;
  }
}

/** Returns those base64 texts of a line that begin near the start of the line. */
function runsIn(line: string): Run[] {
  const runs: Run[] = [];
  token.lastIndex = 0;
  for (let match = token.exec(line); match !== null && match.index <= longestPrefix; match = token.exec(line)) {
    const text = match[1];
    if (text === undefined) continue;
    const width = text.includes('\\') ? text.replaceAll('\\', '').length : text.length;
    runs.push({ from: match.index, to: match.index + text.length, width, text });
  }
  return runs;
}

/**
 * Returns the last characters before a base64 text. Digits become 0, because line numbers and times differ between
 * lines.
 */
function leadOf(line: string, from: number): string {
  return line.slice(Math.max(0, from - 4), from).replaceAll(/\d/g, '0');
}

function isSameLead(left: string, right: string): boolean {
  const length = Math.min(left.length, right.length);
  return length === 0 ? left === right : left.slice(-length) === right.slice(-length);
}

/** Returns the first characters after a base64 text. Letters and digits become 0. */
function tailOf(line: string, to: number): string {
  return line.slice(to, to + 3).replaceAll(/[A-Za-z\d]/g, '0');
}

function isSameTail(left: string, right: string): boolean {
  const length = Math.min(left.length, right.length);
  return length === 0 ? left === right : left.slice(0, length) === right.slice(0, length);
}

function isBlank(line: string): boolean {
  return /^[+-]?\s*$/.test(line);
}

function hasBothCases(text: string): boolean {
  return /[A-Z]/.test(text) && /[a-z]/.test(text);
}

function isMixed(text: string): boolean {
  return hasBothCases(text) && /\d/.test(text);
}

/** Returns true if letters and digits often alternate. This is so in base64, but not in paths and names. */
function looksRandom(text: string): boolean {
  return (text.match(/\d(?=[A-Za-z])|[A-Za-z](?=\d)/g)?.length ?? 0) >= 3;
}
