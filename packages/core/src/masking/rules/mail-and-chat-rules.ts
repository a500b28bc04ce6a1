import { makeExample } from '../make-example.ts';
import type { SecretRule } from '../secret-rule.ts';
import { base62, base64url, digits, hex, tokenRule, upper, uuid, wordStart } from '../token-rule.ts';

const twilioKey = 'SK' + makeExample('hex', 32);
const telegramToken = ':AA' + makeExample('base64url', 33);

/** Rules for keys of mail and messaging providers. */
export const mailAndChatRules: readonly SecretRule[] = [
  tokenRule('sendgrid-key', ['SG.', base64url(16, 32), '.', base64url(32, 64)]),
  tokenRule('mailgun-key', ['key-', hex(32)], { minEntropy: 3.2 }),
  tokenRule('brevo-key', [['xkeysib-', 'xsmtpsib-'], hex(64), '-', base62(16)]),
  tokenRule('resend-key', ['re_', base62(8), '_', base62(24)]),
  tokenRule('mandrill-key', ['md-', base64url(22)], { minEntropy: 3.8 }),
  tokenRule('slack-token', [
    ['xoxb-', 'xoxp-', 'xoxa-', 'xoxr-', 'xoxs-', 'xoxo-', 'xoxe-', 'xoxc-', 'xoxd-'],
    base64url(20, 400),
  ]),
  tokenRule('slack-rotating-token', ['xoxe.', ['xoxp-', 'xoxb-'], digits(1), '-', base62(100, 300)]),
  tokenRule('slack-app-token', ['xapp-', digits(1), '-', upper(8, 14), '-', digits(8, 16), '-', base62(40, 80)]),
  tokenRule('slack-hook', [
    'hooks.slack.com/',
    ['services', 'workflows', 'triggers'],
    '/',
    upper(8, 14),
    '/',
    base62(6, 40),
    '/',
    base62(16, 64),
  ]),
  tokenRule('discord-hook', [
    ['discord.com/api/webhooks/', 'discordapp.com/api/webhooks/'],
    digits(17, 20),
    '/',
    base64url(50, 80),
  ]),
  tokenRule('teams-hook', [
    'webhook.office.com/webhookb2/',
    base64url(36),
    '@',
    base64url(36),
    '/IncomingWebhook/',
    hex(32),
    '/',
    base64url(36),
  ]),
  tokenRule('zapier-hook', ['hooks.zapier.com/hooks/catch/', digits(7, 10), '/', base62(6, 16)]),
  {
    id: 'twilio-key',
    class: 'structured',
    keywords: '0123456789abcdef'.split('').map((digit) => `sk${digit}`),
    case: 'upper',
    pattern: new RegExp(`(?:${wordStart})(?<![A-Za-z]_)SK[0-9a-f]{32}(?![A-Za-z0-9])`, 'dy'),
    maxLength: 36,
    minEntropy: 3,
    examples: {
      matches: [{ text: `TWILIO_API_KEY_SID=${twilioKey}`, secret: twilioKey }],
      ignores: [twilioKey.toLowerCase(), `x${twilioKey}`, `SK${'0'.repeat(32)}`],
    },
  },
  {
    id: 'telegram-bot-token',
    class: 'structured',
    keywords: [':aa'],
    pattern: /(?<=\d{8}):AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])/dy,
    maxLength: 40,
    minEntropy: 3.5,
    examples: {
      matches: [{ text: `https://api.telegram.org/bot123456789${telegramToken}/getMe`, secret: telegramToken }],
      ignores: ['12345678:AAAA', `:AA${'A'.repeat(33)}`],
    },
  },
  tokenRule('facebook-token', ['EAA', base62(80, 300)], { minEntropy: 3.8 }),
  tokenRule('instagram-token', [['IGQV', 'IGAA'], base64url(100, 300)]),
  tokenRule('intercom-token', ['dG9rOi', base64url(40, 80)], { isWord: true }),
  tokenRule('hubspot-token', ['pat-', ['na1', 'na2', 'eu1', 'ap1'], '-', ...uuid]),
];
