import type { SecretRule } from '../secret-rule.ts';
import { base62, base64, base64url, digits, hex, lower, tokenRule, uuid } from '../token-rule.ts';

/** Rules for keys of payment and shop providers. Publishable keys are not secrets, so no rule finds them. */
export const paymentRules: readonly SecretRule[] = [
  tokenRule('stripe-key', [['sk_live_', 'sk_test_', 'rk_live_', 'rk_test_', 'sk_prod_', 'rk_prod_'], base62(16, 250)]),
  tokenRule('stripe-organization-key', ['sk_org_', ['live', 'test'], '_', base62(24, 250)]),
  // The webhook secrets of Resend, Svix and Clerk have the same format.
  tokenRule('webhook-signing-secret', ['whsec_', base64(24, 100)]),
  tokenRule('square-access-token', ['sq0atp-', base64url(22, 64)]),
  tokenRule('square-secret', ['sq0csp-', base64url(43, 64)]),
  tokenRule('square-token', ['EAAA', base64url(60, 80)], { minEntropy: 4 }),
  tokenRule('shopify-token', [['shpat_', 'shpca_', 'shppa_', 'shpss_', 'shpua_'], hex(32, 64)]),
  tokenRule('woocommerce-key', [['ck_', 'cs_'], hex(40)], { minEntropy: 3.2 }),
  tokenRule('braintree-token', ['access_token$production$', lower(16), '$', hex(32)]),
  tokenRule('plaid-token', ['access-', ['sandbox', 'development', 'production'], '-', ...uuid]),
  tokenRule('flutterwave-key', [['FLWSECK-', 'FLWSECK_TEST-'], lower(12, 48)]),
  tokenRule('easypost-key', [['EZAK', 'EZTK'], base62(54)]),
  tokenRule('shippo-token', ['shippo_', ['live', 'test'], '_', hex(40)]),
  tokenRule('duffel-token', ['duffel_', ['live', 'test'], '_', base64url(43)]),
  tokenRule('razorpay-key', ['rzp_live_', base62(14, 24)], { minEntropy: 3 }),
  tokenRule('mercadopago-token', ['APP_USR-', digits(16), '-', digits(6), '-', hex(32), '-', digits(6, 10)]),
  tokenRule('stytch-secret', ['secret-', ['live', 'test'], '-', base64url(36, 64)]),
];
