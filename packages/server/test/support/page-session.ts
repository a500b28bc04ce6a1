import type { TestServer } from './test-server.ts';

/**
 * The credentials of a signed-in page. The browser sends the cookie to every port of the host, but only the page sends
 * the secret.
 */
export interface PageSession {
  readonly cookie: string;
  readonly 'proofhouse-page-secret': string;
}

export async function signedInPage(t: TestServer, headers: Record<string, string> = {}): Promise<PageSession> {
  const { code } = t.server.signIn.newCode();
  const answer = await t.call('POST', '/api/session', { as: null, json: { code }, headers });
  if (answer.status !== 200) throw new Error(answer.text);
  return {
    cookie: String(answer.headers['set-cookie']).split(';', 1)[0] ?? '',
    'proofhouse-page-secret': answer.json.pageSecret as string,
  };
}
