import { makeExample } from '../make-example.ts';
import { isPlaceholder } from '../placeholder-words.ts';
import { isLookAlike, looksChosen } from '../random-text.ts';
import type { SecretRule } from '../secret-rule.ts';
import { keyNameBefore } from '../assignment-names.ts';

const value = makeExample('base62', 36);
const chosen = 's3cr' + 'et99';

const optionWords = [
  'password',
  'passwd',
  'passphrase',
  'pass',
  'pwd',
  'secret',
  'token',
  'key',
  'storepass',
  'keypass',
];
const optionKeywords = [
  ...optionWords.flatMap((word) => [' ', '=', '"', "'", '\\'].map((sign) => `-${word}${sign}`)),
  ...optionWords.flatMap((word) => [' ', '='].map((sign) => `_${word}${sign}`)),
  ...['--apikey ', '--apikey=', '--apikey"'],
];
/** Source of a pattern for the rest of a command up to an option. */
const rest = String.raw`[^\r\n|;&]{0,160}?[ \t]`;

/** Ports and addresses, as in `mysql -p3306:3306`, are not secrets. */
const isArgument = (secret: string): boolean => !isPlaceholder(secret) && !/^[\d.:/]{1,40}$|^-/.test(secret);

/** Rules for secrets in the arguments of commands. */
export const commandRules: readonly SecretRule[] = [
  {
    id: 'command-line-option',
    class: 'context',
    keywords: optionKeywords,
    pattern: new RegExp(
      String.raw`(?<=(?:^|[\s"'\x60[(,])(?:--?[A-Za-z0-9_-]{0,24})?)(?:[-_](?:pass(?:word|wd|phrase)?|pwd|secret|token|storepass|keypass|${keyNameBefore}key)|--apikey)` +
        String.raw`(?:[ \t]{1,4}|=|\\{0,2}["'],?[ \t\r\n]{1,24}\\{0,2}["']|["'],["'])\\{0,2}["']?(?<secret>[^\s"'\\<>(){}[\],;]{6,512})`,
      'dyi',
    ),
    maxLength: 600,
    accepts: (secret) =>
      !isPlaceholder(secret) && !isLookAlike(secret) && looksChosen(secret) && !/^(?:-|id=|type=|src=)/.test(secret),
    examples: {
      matches: [
        { text: `tool login --token ${value} --verbose`, secret: value },
        { text: `mysql --user=root --password=${chosen}`, secret: chosen },
        { text: `["run","--api-key","${value}"]`, secret: value },
        { text: `app --webhook-secret '${value}'`, secret: value },
        { text: `app -token ${value}`, secret: value },
        { text: `keytool -list -storepass ${chosen}`, secret: chosen },
        { text: `app --root_password ${chosen}`, secret: chosen },
      ],
      ignores: [
        '--token <token>',
        '--password $PASSWORD',
        '--secret id=npm,src=.npmrc',
        '--token-file a1b2c3.txt',
        '--password-stdin',
        '--token phrase',
        'a multi-token abc123def in prose',
        '--primary-key user1-id2',
      ],
    },
  },
  {
    id: 'command-line-user',
    class: 'context',
    keywords: ['curl', 'wget'],
    pattern:
      /(?:curl|wget)[^\r\n]{0,200}?[ \t](?:-[A-Za-z]{0,6}u[ \t]{0,4}|--user[ =])["']?[^\s:"'=]{1,64}:(?<secret>[^\s"'\\]{4,256})/dy,
    maxLength: 620,
    accepts: isArgument,
    examples: {
      matches: [
        { text: `curl -s -u admin:${value} https://host`, secret: value },
        { text: `curl -sSLu "admin:${value}" https://host`, secret: value },
      ],
      ignores: ['curl -u user:password https://host', 'curl -u "$USER:$PASSWORD" https://host'],
    },
  },
  {
    id: 'password-of-command',
    class: 'context',
    keywords: [
      ...[
        'mysql',
        'mariadb',
        'redis-cli',
        'mongo',
        'docker login',
        'podman login',
        'az login',
        'sqlcmd',
        'sshpass',
        'ldap',
      ],
      ...['requirepass ', 'masterauth ', 'psk='],
    ],
    pattern: new RegExp(
      String.raw`(?:(?:mysql|mariadb)[a-z_-]{0,10}${rest}-p|redis-cli${rest}(?:-a|--pass)[ \t]{1,4}|mongo[a-z]{0,8}${rest}-p[ \t]{0,4}|(?:docker|podman|az) login${rest}-p[ \t]{0,4}|` +
        String.raw`sqlcmd${rest}-P[ \t]{0,4}|sshpass[ \t]{1,4}-p[ \t]{0,4}|ldap[a-z]{3,10}${rest}-w[ \t]{0,4}|requirepass[ ]|masterauth[ ]|psk=)["']?(?<secret>[^\s"'\\]{4,256})`,
      'dy',
    ),
    maxLength: 480,
    accepts: isArgument,
    examples: {
      matches: [
        { text: `mysqldump -h db -u root -p${chosen} app`, secret: chosen },
        { text: `redis-cli -h cache -a ${value} ping`, secret: value },
        { text: `docker login -u ci -p ${value} host`, secret: value },
        { text: `sshpass -p '${value}' ssh host`, secret: value },
        { text: `requirepass ${chosen}`, secret: chosen },
        { text: `network={ ssid="a" psk="${chosen}" }`, secret: chosen },
        { text: `ldapsearch -x -D cn=admin -w ${chosen} -b dc=app`, secret: chosen },
      ],
      ignores: [
        'mysql -u root -p app',
        'docker run mysql -p3306:3306',
        'sshpass -p $PASSWORD ssh host',
        'mysql -u root -p$PASSWORD',
        '# requirepass <password>',
      ],
    },
  },
  {
    id: 'password-on-standard-input',
    class: 'context',
    keywords: ['echo ', 'printf '],
    pattern:
      /(?:echo|printf)(?:[ ]-[neE]{1,3})?(?:[ ]["']?%s(?:\\n)?["']?)?[ ]["']?(?:[a-z_][\w.-]{0,31}:(?=[^\s|]{4,256}[ \t]{0,4}\|[ \t]{0,4}chpasswd))?(?<secret>[^\s"'|\\]{4,256})["']?[ \t]{0,4}\|[ \t]{0,4}(?:[a-z]{3,12}(?: registry)? login[^\r\n|]{0,160}--password-stdin|sudo -S|chpasswd)/dy,
    maxLength: 560,
    accepts: isArgument,
    examples: {
      matches: [
        { text: `echo "${value}" | docker login -u ci --password-stdin`, secret: value },
        { text: `echo ${chosen} | sudo -S reboot`, secret: chosen },
        { text: `echo 'app:${chosen}' | chpasswd`, secret: chosen },
      ],
      ignores: [
        'echo "$TOKEN" | docker login --password-stdin',
        'echo hello | sudo tee file',
        'echo $PASSWORD | sudo -S ls',
      ],
    },
  },
  {
    id: 'mask-command-of-workflow',
    class: 'context',
    keywords: ['::add-mask::'],
    pattern: /::add-mask::(?<secret>[^\r\n"'\\]{4,512})/dy,
    maxLength: 530,
    accepts: isArgument,
    examples: {
      matches: [{ text: `::add-mask::${value}\n`, secret: value }],
      ignores: ['echo "::add-mask::$TOKEN"', '::add-mask::${{ steps.a.outputs.token }}'],
    },
  },
  {
    id: 'postgres-password-file',
    class: 'context',
    keywords: [':5432:', ':6432:', ':*:'],
    pattern:
      /(?<=[A-Za-z0-9.*-]):(?:\d{4}|\*):[^\s:"']{1,64}:[^\s:"']{1,64}:(?<secret>[^\s:"'\\]{6,256})(?![^\s\\"'])/dy,
    maxLength: 460,
    accepts: (secret) => isArgument(secret) && looksChosen(secret),
    examples: {
      matches: [{ text: `db.internal:5432:app:app_user:${chosen}\n`, secret: chosen }],
      ignores: ['db:5432:app:user:password', 'db:5432:app:user:12345678'],
    },
  },
];
