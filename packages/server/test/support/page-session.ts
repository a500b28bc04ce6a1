import type { Principal } from '@proofhouse/core';
import type { TestServer } from './test-server.ts';

/**
 * The credentials of a signed-in page. The browser sends the cookie to every port of the host, but only the page sends
 * the secret.
 */
export interface PageSession {
  readonly cookie: string;
  readonly 'proofhouse-page-secret': string;
}

/** Signs the web page in as the given person. Default: the admin token. */
export async function signedInPage(
  t: TestServer,
  headers: Record<string, string> = {},
  person: Principal = { kind: 'admin' },
): Promise<PageSession> {
  const { code } = await t.server.signIn.newCode(person);
  const answer = await t.call('POST', '/api/session', { as: null, json: { code }, headers });
  if (answer.status !== 200) throw new Error(answer.text);
  return {
    cookie: String(answer.headers['set-cookie']).split(';', 1)[0] ?? '',
    'proofhouse-page-secret': answer.json.pageSecret as string,
  };
}
