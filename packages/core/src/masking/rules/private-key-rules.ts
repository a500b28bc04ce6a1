import { makeExample } from '../make-example.ts';
import type { SecretBlock, SecretRule } from '../secret-rule.ts';

/**
 * Source of a pattern for an escaped line end, as in a string of JSON or of source code, or in a URL. Quotes and signs that
 * close the string may precede it.
 */
const lineEnd = String.raw`(?:[ \t]{0,8}["'\x60]?[ \t]{0,4}[,+.;\\]?[ \t]{0,4}(?:(?:\\{1,4}r)?\\{1,4}n|%0A|&#10;))`;
/**
 * Source of a pattern for the text before a line of a private key: the sign of a diff, a quotation mark, a comment sign
 * or an opening quote, but not the beginning of a placeholder.
 */
const linePrefix = String.raw`[+-]?(?:(?:[ \t>|#"'\x60]|\*(?!\*\*M)){1,24}|\/\/[ \t]{0,8})?`;
const text = '[A-Za-z0-9+/=]';
const armorHeader = String.raw`(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset|MessageID|Subject|x-[a-z-]{1,24}):[^\r\n"'\\]{0,100}`;

/** Source of a pattern for the end of a base64 text. The text must not be a part of a longer word or of a sentence. */
const wordEnd = String.raw`(?![A-Za-z0-9_:@]|-(?!----)|\.(?!\.)|[ \t]{1,8}(?!-----|["'\x60\\,+;])\S)`;

/** Matches one line of a private key after an escaped line end. */
const piece = new RegExp(
  `${lineEnd}${linePrefix}(?:${armorHeader}|${text}{2,100}${wordEnd})|${lineEnd}[+-]?[ \\t]{0,8}(?=\\\\)`,
  'y',
);

/** Matches the beginning of any mark of a block. A block ends at it, so that no block begins inside of another one. */
const border = /-----(?:BEGIN|END) |Private-(?:Lines|MAC|Hash): /;

function blockUntil(end: string): SecretBlock {
  return {
    piece,
    end: new RegExp(`${lineEnd}{0,2}${linePrefix}[ \\t]{0,4}${end}`, 'y'),
    marks: { end: new RegExp(end), border },
  };
}

const lines = [1, 2, 3].map((seed) => makeExample('base64', 64, seed));
const pem = (label: string): readonly string[] => [
  `-----BEGIN ${label}PRIVATE ` + 'KEY-----',
  ...lines,
  `-----END ${label}PRIVATE ` + 'KEY-----',
];
const pgp = [
  '-----BEGIN PGP PRIVATE ' + 'KEY BLOCK-----',
  'Version: GnuPG v2',
  '',
  ...lines,
  '=' + makeExample('base64', 4),
  '-----END PGP PRIVATE ' + 'KEY BLOCK-----',
];
const encrypted = [
  '-----BEGIN RSA PRIVATE ' + 'KEY-----',
  'Proc-Type: 4,ENCRYPTED',
  `DEK-Info: AES-128-CBC,${makeExample('upperHex', 32)}`,
  '',
  ...lines,
  '-----END RSA PRIVATE ' + 'KEY-----',
];
const putty = ['Private-Lines: 3', ...lines, `Private-MAC: ${makeExample('hex', 40)}`];

/** Rules for private keys in text formats. */
export const privateKeyRules: readonly SecretRule[] = [
  {
    id: 'private-key',
    class: 'structured',
    keywords: ['-----begin '],
    pattern: /-----BEGIN (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----/dy,
    maxLength: 65_536,
    block: blockUntil('-----END (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----'),
    examples: {
      matches: [
        ...['', 'RSA ', 'EC ', 'OPENSSH ', 'ENCRYPTED '].map(pem).flatMap((block) => [
          { text: block.join('\n'), secret: lines[1] ?? '' },
          { text: `{"key": "${block.join(String.raw`\n`)}\\n"}`, secret: block.join(String.raw`\n`) },
        ]),
        { text: pgp.join('\n'), secret: lines[2] ?? '' },
        { text: encrypted.join('\r\n'), secret: lines[0] ?? '' },
        {
          text: pem('')
            .map((line) => `+  ${line}`)
            .join('\n'),
          secret: lines[2] ?? '',
        },
        { text: `KEY="${pem('EC ').join(' ')}"`, secret: pem('EC ').join(' ') },
        { text: pem('RSA ').join(''), secret: pem('RSA ').join('') },
        {
          text: pem('RSA ')
            .map((line) => `"${line}\\n" +`)
            .join('\n'),
          secret: lines[0] ?? '',
        },
        { text: pem('RSA ').slice(0, 3).join('\n') + '\n... (truncated)', secret: lines[1] ?? '' },
      ],
      ignores: [
        ['-----BEGIN CERT' + 'IFICATE-----', ...lines, '-----END CERT' + 'IFICATE-----'].join('\n'),
        ['-----BEGIN PUBLIC ' + 'KEY-----', ...lines, '-----END PUBLIC ' + 'KEY-----'].join('\n'),
        '"-----BEGIN PRIVATE ' + 'KEY-----" is the first line of a PEM file',
        '-----BEGIN PRIVATE ' + 'KEY-----\n<your key>\n-----END PRIVATE ' + 'KEY-----',
      ],
    },
  },
  {
    id: 'putty-private-key',
    class: 'structured',
    keywords: ['private-lines:'],
    pattern: /Private-Lines: \d{1,3}/dy,
    maxLength: 65_536,
    block: blockUntil('Private-(?:MAC|Hash): [0-9a-f]{40,64}'),
    examples: {
      matches: [{ text: putty.join('\n'), secret: lines[1] ?? '' }],
      ignores: ['Private-Lines: none', 'Private-Lines: 14'],
    },
  },
];
