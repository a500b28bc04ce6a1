import { makeExample } from '../make-example.ts';
import { isPlaceholder } from '../placeholder-words.ts';
import type { SecretRule } from '../secret-rule.ts';
import { hasMixedCharacters } from '../random-text.ts';
import { base62, base64, base64url, hex, lower, tokenRule, upper, uuid, wordStart } from '../token-rule.ts';

const keyId = 'AKIA' + makeExample('base32', 16);
const temporaryKeyId = 'ASIA' + makeExample('base32', 16, 2);
const secretKey = makeExample('base64', 40, 3);

/** Rules for keys of cloud providers and of platforms that run programs or databases. */
export const cloudRules: readonly SecretRule[] = [
  {
    id: 'aws-access-key',
    class: 'structured',
    keywords: ['akia', 'asia', 'abia', 'acca', 'a3t'],
    case: 'upper',
    start: 'word',
    // The secret key follows the key id in credential files, in CSV exports and in answers of the API.
    pattern: new RegExp(
      `(?:${wordStart})` +
        String.raw`(?<secret>(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16})(?![A-Za-z0-9])` +
        String.raw`(?:(?:[\s"',:;=|&\\<>/]|\\[nrt]){1,24}(?:[A-Za-z_.-]{1,40}(?:[\s"',:=|\\<>]|\\[nrt]){1,16})?` +
        String.raw`(?<secret2>[A-Za-z0-9+/]{40})(?![A-Za-z0-9+/=]))?`,
      'dy',
    ),
    maxLength: 256,
    minEntropy: 2.8,
    accepts: (secret) => !isPlaceholder(secret) && (secret.length === 20 || hasMixedCharacters(secret)),
    examples: {
      matches: [
        { text: `aws configure set aws_access_key_id ${keyId}`, secret: keyId },
        { text: `{"AccessKeyId": "${temporaryKeyId}"}`, secret: temporaryKeyId },
        { text: `${keyId},${secretKey}\n`, secret: secretKey },
        { text: `{"AccessKeyId":"${keyId}","SecretAccessKey":"${secretKey}"}`, secret: secretKey },
        { text: `aws_access_key_id = ${keyId}\naws_secret_access_key = ${secretKey}\n`, secret: secretKey },
      ],
      ignores: ['AKIA' + 'IOSFODNN7EXAMPLE', `x${keyId}`, `${keyId}9`, `asia-northeast1`],
    },
  },
  tokenRule('aws-marketplace-key', ['amzn.mws.', ...uuid]),
  tokenRule('google-api-key', ['AIza', base64url(35)], { minEntropy: 3.3 }),
  tokenRule('google-oauth-token', ['ya29.', base64url(20, 1024)]),
  tokenRule('google-refresh-token', ['1//0', base64url(40, 200)], { isWord: true }),
  tokenRule('google-client-secret', ['GOCSPX-', base64url(24, 40)]),
  tokenRule('digitalocean-token', [['dop_v1_', 'doo_v1_', 'dor_v1_'], hex(64)]),
  tokenRule('digitalocean-spaces-key', ['DO00', upper(16)], { minEntropy: 2.8 }),
  tokenRule('alibaba-key-id', ['LTAI', base62(12, 24)]),
  tokenRule('tencent-key-id', ['AKID', base62(32, 44)], { minEntropy: 3.5 }),
  tokenRule('yandex-key', ['AQVN', base64url(34, 40)], { minEntropy: 3.5 }),
  tokenRule('yandex-token', ['t1.', base64url(7, 300), '.', base64url(86)]),
  tokenRule('cloudflare-origin-key', ['v1.0-', hex(24), '-', hex(140, 160)]),
  tokenRule('cloudflare-token', [['cfut_', 'cfat_', 'cfk_'], base62(40, 64)]),
  tokenRule('fly-token', [['fm1r_', 'fm1a_', 'fm2_'], base64(100, 2000)]),
  tokenRule('fly-access-token', ['fo1_', base64url(43, 64)]),
  tokenRule('heroku-key', ['HRKU-AA', base64url(50, 80)]),
  tokenRule('vercel-token', [['vcp_', 'vci_', 'vca_', 'vcr_', 'vck_'], base62(24, 80)]),
  tokenRule('vercel-blob-token', ['vercel_blob_rw_', base62(12, 24), '_', base62(24, 40)]),
  tokenRule('netlify-token', [['nfp_', 'nfc_', 'nfo_', 'nfu_'], base62(36, 64)]),
  tokenRule('render-key', ['rnd_', base62(28, 40)], { minEntropy: 3.5 }),
  tokenRule('supabase-token', [['sbp_', 'sbp_oauth_'], hex(40)]),
  tokenRule('supabase-secret-key', ['sb_secret_', base64url(30, 64)]),
  tokenRule('planetscale-token', [['pscale_tkn_', 'pscale_pw_', 'pscale_oauth_'], base64url(32, 64)]),
  tokenRule('neon-key', ['napi_', base62(60, 80)]),
  tokenRule('aiven-password', ['AVNS_', base64url(18, 40)]),
  tokenRule('cockroach-key', ['CCDB1_', base62(22), '_', base62(40)]),
  tokenRule('mongodb-atlas-secret', ['mdb_sa_sk_', base64url(32, 64)]),
  tokenRule('clickhouse-key', ['4b1d', base62(38)]),
  tokenRule('pulumi-token', ['pul-', hex(40)]),
  tokenRule('vault-token', [['hvs.', 'hvb.', 'hvr.'], base64url(24, 300)]),
  tokenRule('databricks-token', [['dapi', 'dose', 'dkea', 'dsapi'], hex(32)]),
  tokenRule('databricks-numbered-token', ['dapi', hex(32), '-', ['2', '3', '4', '5']]),
  tokenRule('doppler-token', [['dp.pt.', 'dp.st.', 'dp.ct.', 'dp.sa.', 'dp.scim.', 'dp.audit.'], base62(40, 64)]),
  tokenRule('doppler-config-token', ['dp.st.', lower(2, 35), '.', base62(40, 64)]),
  tokenRule('onepassword-service-token', ['ops_eyJ', base64url(200, 1500)]),
  tokenRule('age-secret-key', ['AGE-SECRET-KEY-1', upper(58)]),
  tokenRule('openshift-token', ['sha256~', base64url(43)]),
  tokenRule('tailscale-key', [
    'tskey-',
    ['auth', 'api', 'client', 'scim', 'webhook'],
    '-',
    base62(8, 32),
    '-',
    base62(16, 48),
  ]),
  tokenRule('confluent-secret', ['cflt', base64(60)], { minEntropy: 4 }),
  tokenRule('scaleway-key-id', ['SCW', upper(17)], { minEntropy: 3 }),
  tokenRule('prefect-key', [['pnu_', 'pnb_'], base62(36)]),
  tokenRule('dbt-token', [['dbtu_', 'dbtc_'], base64url(40, 64)]),
  tokenRule('proofhouse-token', [['phw_', 'pha_', 'phu_'], base64url(32, 64)]),
];
