import { escapeCharacter } from '../token-rule.ts';

/** Source of a pattern for a control sequence of a terminal that sets a colour or clears a line. */
const colour = String.raw`${escapeCharacter}\[[0-9;]{0,16}[mK]`;

/** Source of a pattern for blanks and colours around an operator. */
export const gap = String.raw`(?:${colour})?[ \t]{0,16}(?:${colour}){0,2}`;
/** Source of a pattern like `gap`, with fewer blanks. */
export const shortGap = String.raw`(?:${colour})?[ \t]{0,4}(?:${colour}){0,2}`;

export const lineBreak = String.raw`(?:\r?\n|\\{1,2}n)`;

/** Source of a pattern for the text between a name and the operator before its value: quotes, brackets and a type. */
export const nameEnd = String.raw`(?:\\{0,3}["'\x60\])*]|&quot;){0,4}(?::[ \t]{0,4}[A-Za-z&<>[\]]{1,24}(?=[ \t]{0,4}=))?${gap}`;

/** Source of a pattern for the key `value`, in an object or an element after the one with the name. */
const valueKey = String.raw`(?:,[ \t\r\n]{0,24}|[ \t\r\n]{1,24}|\\{1,2}n[ ]{1,24})(?:[A-Za-z]{1,16}=["'][A-Za-z]{0,16}["'][ \t]{1,4}){0,2}(?:\\{0,3}["'])?(?:parameter|output)?value(?:\\{0,3}["'])?[ \t]{0,2}[:=]`;

/** Source of a pattern for a block or an object with the value, as in HCL and in states of Terraform. */
const blockKey = String.raw`(?:[:=][ \t]{0,4})?\{[^{}]{0,200}?(?<![A-Za-z_])(?:default|value)(?:\\{0,3}")?[ \t]{0,16}[:=]`;

/** Source of a pattern for the operators between a name and its value. */
export const operator = String.raw`(?:=>|->|<-|:=|(?:\?\?|[+?:|]{0,2})={1,3}|(?:is)?:|${valueKey}|${blockKey})`;

/** Source of a pattern for the tags between a name and its value. */
export const xmlOperator = String.raw`(?:<\/(?:name|key)>\s{0,32}<(?:value|string)>|[ \t][^<>\r\n]{1,64}>\s{0,32}(?:<value>)?|(?<![ \t])>\s{0,32}(?:<value>|<!\[CDATA\[)?)`;

/** Source of a pattern for the text before the quote of a value: the prefix of a string, or a call that converts it. */
export const wrapper = String.raw`(?:[$@BbEeFfLlNnRrUu]{1,2}(?=["'])|(?:[A-Za-z_]{0,12}ptr|(?:[a-z]{2,8}\.)?String(?:::from)?|Some|SecretStr|Secret|Buffer\.from|\[\]byte|bytes\.fromhex)\(|ConvertTo-SecureString[ \t]{1,4}(?:-String[ \t]{1,4})?)?`;

/**
 * A name directly after one of these words is not the name of a secret, as in `pageToken` (a cursor) and `bypass`. The
 * lookbehind reads at most 14 characters.
 */
export const notAfter = String.raw`(?<!(?:page|next|sync|resume|continuation|pagination|resumption|scroll|marker|cursor|public|stop|start|end|pad|mask|ask|by|com|tres|sur|over|under)[_-]?|\d{4}:|\.svg\?)`;

export const tail = String.raw`(?<tail>[A-Za-z0-9_.-]{0,40})`;
