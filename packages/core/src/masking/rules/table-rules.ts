import { lastWord, lastWordKeywords, namesPassword } from '../assignment-names.ts';
import { makeExample } from '../make-example.ts';
import { isPlaceholder } from '../placeholder-words.ts';
import { looksChosen, looksRandom } from '../random-text.ts';
import type { SecretGroups, SecretRule } from '../secret-rule.ts';
import { delimitedRows, tupleRows } from './table-rows.ts';

const value = makeExample('base62', 24);
const hexValue = makeExample('hex', 32);
const chosen = 'Tr0ub4dor' + '&3';

function acceptsCell(secret: string, groups: SecretGroups): boolean {
  if (/\s/.test(secret) || isPlaceholder(secret)) return false;
  return looksRandom(secret) || (namesPassword(groups['word'] ?? '') && looksChosen(secret));
}

/** Returns the names between the parentheses of an SQL statement. */
const columnsIn = (header: string): string => /\((?<columns>[^()]{1,2048})\)/.exec(header)?.groups?.['columns'] ?? '';

/** Rules for secrets in the columns of tables whose header names them. */
export const tableRules: readonly SecretRule[] = [
  {
    id: 'column-of-table',
    class: 'generic',
    keywords: lastWordKeywords([
      ',',
      ';',
      '\t',
      '|',
      ' |',
      '  ',
      '\n',
      '\r\n',
      ' \n',
      '",',
      '";',
      '"\t',
      '"\n',
      '"\r\n',
    ]),
    pattern: new RegExp(
      String.raw`${lastWord}["'\x60]?[ ]{0,40}(?:[,;\t|][A-Za-z0-9_ .,;\t|\x22\x27\x60-]{0,400})?\r?\n`,
      'dyi',
    ),
    maxLength: 480,
    table: (header, before) => (before === undefined ? undefined : delimitedRows(before + header.trimEnd())),
    accepts: acceptsCell,
    examples: {
      matches: [
        { text: `id,user,password\n1,alice,first1\n2,bob,${value}\n`, secret: value },
        { text: `"host";"apiKey";"port"\r\n"db";"${value}";"5432"\r\n`, secret: value },
        { text: `db_password\tuser\n${chosen}\talice\n`, secret: chosen },
        { text: ` user  | password \n-------+----------\n alice | ${chosen}\n`, secret: chosen },
        { text: `| name | token |\n| --- | --- |\n| ci | ${hexValue} |\n`, secret: hexValue },
      ],
      ignores: [
        'name,token,id\nmax,tokens,128000\n',
        'Enter user, password\nDone, a1b2c3d4e5f6\nnow\n'.replace('a1b2c3d4e5f6', 'see the manual'),
        'id,password_hash\n1,a8f7d6c5b4a39281\n',
        `connect(user, password,\n  key1, a8f7d6c5b4a39281)\n`,
        'id,user,password\n1,alice,changeme\n',
      ],
    },
  },
  {
    id: 'column-of-insert',
    class: 'generic',
    keywords: ['insert into ', 'insert ignore into ', 'replace into '],
    pattern:
      /(?:insert(?: ignore)?|replace) into [^\s()]{1,128}(?:\s|\\[nrt]){0,8}\([^()]{1,2048}\)(?:\s|\\[nrt]){0,16}values(?=[\s(\\])/diy,
    maxLength: 2300,
    table: (header) => tupleRows(columnsIn(header)),
    accepts: acceptsCell,
    examples: {
      matches: [
        { text: `INSERT INTO users (name, password) VALUES ('alice', '${chosen}');`, secret: chosen },
        {
          text: `INSERT INTO t (id, api_key, at)\nVALUES\n  (1, 'none', now()),\n  (2, '${value}', now());\n`,
          secret: value,
        },
        { text: `insert into \`t\` (\`token\`) values (E'${hexValue}')`, secret: hexValue },
      ],
      ignores: [
        "INSERT INTO users (name, password) VALUES ('a1b2c3d4e5f6', '<password>');",
        "INSERT INTO t (id, password_hash) VALUES (1, 'a8f7d6c5b4a39281');",
        'INSERT INTO t (id, token) VALUES ($1, $2)',
        'INSERT INTO t (id, token) SELECT id, token2 FROM s',
      ],
    },
  },
  {
    id: 'column-of-copy',
    class: 'generic',
    keywords: ['copy '],
    pattern: /copy [^\s()]{1,128} \([^()\r\n]{1,2048}\) from stdin[^\r\n]{0,64}\r?\n/diy,
    maxLength: 2280,
    table: (header) => delimitedRows(columnsIn(header), '\t'),
    accepts: acceptsCell,
    examples: {
      matches: [{ text: `COPY users (id, name, password) FROM stdin;\n1\talice\t${chosen}\n\\.\n`, secret: chosen }],
      ignores: ['COPY users (id, password) FROM stdin;\n1\tchangeme\n\\.\n', 'copy the file (see token)'],
    },
  },
];
