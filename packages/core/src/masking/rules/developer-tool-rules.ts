import type { SecretRule } from '../secret-rule.ts';
import { base32, base62, base64, base64url, digits, hex, lower, tokenRule, upper } from '../token-rule.ts';

const tokenCharacters = 'abcdefghijklmnopqrstuvwxyz0123456789'.split('');
/**
 * Each keyword is `pat` and one more character. If this character is `h`, the keyword has one more, because `path` is
 * frequent in text.
 */
const airtableKeywords = tokenCharacters.flatMap((character) =>
  character === 'h' ? tokenCharacters.map((next) => `path${next}`) : [`pat${character}`],
);

/** Rules for keys of monitoring services, office programs and other tools. */
export const developerToolRules: readonly SecretRule[] = [
  tokenRule('grafana-token', ['glc_', base64(32, 400)]),
  tokenRule('grafana-service-token', ['glsa_', base62(32), '_', hex(8)]),
  tokenRule('grafana-legacy-key', ['eyJrIjoi', base64(60, 400)], { isWord: true }),
  tokenRule('new-relic-key', [['NRAK-', 'NRJS-', 'NRII-', 'NRRA-', 'NRIQ-'], base64url(19, 64)]),
  tokenRule('sentry-organization-token', ['sntrys_', base64(60, 600), ['_', '='], base64(40, 64)]),
  tokenRule('sentry-user-token', ['sntryu_', hex(64)]),
  tokenRule('dynatrace-token', [
    ['dt0c01.', 'dt0s01.', 'dt0s02.', 'dt0s03.', 'dt0s04.', 'dt0s06.', 'dt0s08.', 'dt0s16.'],
    base32(8, 24),
    '.',
    base32(64),
  ]),
  tokenRule('honeycomb-key', [['hcaik_', 'hcxik_', 'hcalk_', 'hcamk_'], base62(26, 64)]),
  tokenRule('posthog-key', [['phx_', 'phs_'], base62(40, 64)]),
  tokenRule('readme-key', ['rdme_', lower(60, 80)]),
  tokenRule('postman-key', ['PMAK-', hex(24), '-', hex(34)]),
  tokenRule('rootly-key', ['rootly_', hex(64)]),
  tokenRule('linear-key', [['lin_api_', 'lin_oauth_', 'lin_wh_'], base62(40, 64)]),
  tokenRule('notion-token', ['ntn_', base62(40, 60)]),
  tokenRule('notion-legacy-token', ['secret_', base62(43)], { isWord: true, minEntropy: 3.8 }),
  tokenRule('figma-token', [['figd_', 'figo_', 'figu_'], base64url(36, 64)]),
  tokenRule('airtable-token', ['pat', base62(14), '.', hex(64)], { keywords: airtableKeywords }),
  tokenRule('trello-token', ['ATTA', hex(64, 72)]),
  tokenRule('typeform-token', ['tfp_', base64url(40, 64)]),
  tokenRule('clickup-token', ['pk_', digits(6, 10), '_', upper(32)]),
  tokenRule('contentful-token', ['CFPAT-', base64url(43, 64)]),
  tokenRule('dropbox-token', ['sl.', base64url(120, 1500)]),
  tokenRule('dropbox-user-token', ['sl.u.', base64url(120, 1500)]),
  tokenRule('mapbox-token', [['sk.eyJ', 'tk.eyJ'], base64url(40, 200), '.', base64url(20, 24)], { isWord: true }),
  tokenRule('frameio-token', ['fio-u-', base64url(64)]),
  tokenRule('klaviyo-key', ['pk_', hex(34)], { minEntropy: 3.2 }),
  tokenRule('appwrite-key', ['standard_', hex(128, 300)]),
  tokenRule('trigger-dev-key', ['tr_', ['dev', 'prod', 'stg', 'pat', 'preview'], '_', base62(20, 64)]),
  tokenRule('inngest-key', ['signkey-', ['prod', 'test', 'branch'], '-', hex(32, 64)]),
  tokenRule('nylas-key', ['nyk_', base62(40, 100)]),
  tokenRule('intra42-secret', [['s-s4t2ud-', 's-s4t2af-'], hex(64)]),
  tokenRule('adobe-secret', ['p8e-', base64url(32)], { isWord: true }),
  tokenRule('onepassword-secret-key', [
    'A3-',
    upper(6),
    '-',
    upper(6, 11),
    '-',
    upper(5),
    '-',
    upper(5),
    '-',
    upper(5),
  ]),
  tokenRule('onepassword-long-secret-key', [
    'A3-',
    upper(6),
    '-',
    upper(6),
    '-',
    upper(5),
    '-',
    upper(5),
    '-',
    upper(5),
    '-',
    upper(5),
  ]),
  tokenRule('endor-key', ['endr+', base64url(16, 64)]),
  tokenRule('defined-networking-token', ['dnkey-', base64url(26), '-', base64url(52)]),
  tokenRule('scalingo-token', ['tk-us-', base64url(48)]),
  tokenRule('settlemint-token', [['sm_pat_', 'sm_sat_', 'sm_aat_'], base62(16, 32)]),
  tokenRule('infracost-key', ['ico-', base62(32)]),
  tokenRule('lob-key', [['live_', 'test_'], hex(35)]),
  tokenRule('datadog-application-key', ['ddapp_', base62(34, 64)]),
];
