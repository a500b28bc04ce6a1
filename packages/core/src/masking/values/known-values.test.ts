import { describe, expect, it } from 'vitest';
import { maskPlaceholder } from '../mask-placeholder.ts';
import { compileSecrets } from '../secret-set.ts';
import { masked } from '../testing/masked-in-chunks.ts';
import { knownValues } from './known-values.ts';

const secret = 'zr8-Kq2v!';

describe('the variables that hold secrets', () => {
  const names = [
    'DB_PASSWORD',
    'mysql_passwd',
    'CLIENT_SECRETS',
    'clientSecret',
    'GITHUB_TOKEN',
    'npm_config_//registry/:_authToken',
    'MY_API_KEYS',
    'APIKEY',
    'AWS_CREDENTIALS',
    'SSH_PRIVATE_KEY',
    'AWS_SECRET_ACCESS_KEY',
    'AZURE_CONNECTION_STRINGS',
    'SENTRY_DSN',
    'KIRO_API_KEY',
  ];

  it.each(names)('include %s', (name) => {
    expect(knownValues({ [name]: secret })).toEqual({ values: [{ name, value: secret }], skipped: [] });
  });

  it.each(['PATH', 'MAX_TOKENS', 'TOKENIZERS_PARALLELISM', 'TOKENIZER', 'MONKEY', 'KEYBOARD', 'EDITOR'])(
    'do not include %s',
    (name) => {
      expect(knownValues({ [name]: secret })).toEqual({ values: [], skipped: [] });
    },
  );

  it('are found by configured globs and their plurals instead, and always by three names', () => {
    const variables = { X_PIN: secret, X_PINS: secret, PINNED: secret, DB_PASSWORD: secret, GIT_TOKEN: secret };
    const { values } = knownValues(variables, { names: ['*_pin'] });
    expect(values.map((value) => value.name)).toEqual(['X_PIN', 'X_PINS', 'GIT_TOKEN']);
  });

  it('are skipped with a reason where the value would mask ordinary text', () => {
    const variables = {
      PROOFHOUSE_SECRET_POLICY: 'a-new-policy',
      SECRET_LENGTH: '128000',
      TOKEN_MODE: 'Disabled',
      A_TOKEN: 'abc12',
      B_TOKEN: ' ',
      C_TOKEN: undefined,
    };
    expect(knownValues(variables)).toEqual({
      values: [],
      skipped: [
        { name: 'PROOFHOUSE_SECRET_POLICY', reason: 'setting' },
        { name: 'SECRET_LENGTH', reason: 'integer' },
        { name: 'TOKEN_MODE', reason: 'common-word' },
        { name: 'A_TOKEN', reason: 'too-short' },
      ],
    });
  });

  it.each(['postgres', 'password', 'Secret', 'guest', 'rabbitmq', '${DB_PASSWORD}', '<password>', '********'])(
    'do not include the word %j, alone or as the password of a URL',
    (word) => {
      const { values } = knownValues({ DATABASE_URL: `postgres://postgres:${word}@db.test/x`, DB_PASSWORD: word });
      expect(values).toEqual([]);
    },
  );

  it('include all whose value is a URL with a password, of which the password is masked, also decoded', () => {
    const { values } = knownValues({
      DATABASE_URL: 'postgres://app:p%40ss-word@db.test/x',
      HOME_URL: 'https://a.test:80/',
    });
    expect(values.map((value) => value.value)).toEqual(['p%40ss-word', 'p@ss-word']);
    expect(knownValues({ A_URL: 'redis://:abc@db.test' }).skipped).toEqual([{ name: 'A_URL', reason: 'too-short' }]);
  });

  it.each([
    ['in quotes', '"postgres://app:PASSWORD@db.test/x"', 'kX3-vT9qLm'],
    ['in a list', 'redis://:first-99@a.test,redis://:PASSWORD@b.test', 'kX3-vT9qLm'],
    ['in JSON', String.raw`{"url":"amqp://app:PASSWORD@mq.test","mail":"me@a.test"}`, 'kX3-vT9qLm'],
    ['after the prefix of a driver', 'jdbc:postgresql://app:PASSWORD@db.test:5432/x', 'kX3-vT9qLm'],
    ['in an option', '--url=mysql://app:PASSWORD@db.test --mail a@b.test', 'kX3-vT9qLm'],
    ['with unescaped signs', 'postgres://app:PASSWORD@db.test/x', 'kX3/vT9#q?Lm'],
    ['with quotes in it', 'postgres://app:PASSWORD@db.test/x', `kX3"vT9'Lm`],
  ])('include URLs %s', (_where, url, password) => {
    const { values } = knownValues({ SERVICE_URL: url.replace('PASSWORD', password) });
    expect(values).toContainEqual({ name: 'SERVICE_URL', value: password });
  });

  it.each([
    'https://a.test:8080/@scope/package',
    'https://a.test/x:y-long-path@z',
    'http://[::1]:8080/a@b',
    'ssh://me@a.test',
  ])('do not include %s', (url) => {
    expect(knownValues({ SERVICE_URL: url })).toEqual({ values: [], skipped: [] });
  });

  it('leave ordinary words in a text alone', () => {
    const { values } = knownValues({
      PROOFHOUSE_SECRET_POLICY: 'reject',
      MAX_TOKENS: '128000',
      TOKENIZERS_PARALLELISM: 'false',
      REAL_TOKEN: secret,
    });
    const set = compileSecrets({ values });
    expect(masked(set, `reject 128000 false banana ${secret}`)).toBe(`reject 128000 false banana ${maskPlaceholder}`);
  });
});
