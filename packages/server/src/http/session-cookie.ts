import { sessionLifeMs } from '../users/sign-in.ts';

export const sessionCookieName = 'proofhouse_session';

/** Largest number of session cookies that are checked. Servers on other ports of the host can set the same cookie name. */
const mostSessions = 8;

/** Returns the values of the session cookies in a Cookie header (RFC 6265). Usually there is none or one. */
export function readSessionCookies(header: string | undefined): readonly string[] {
  const values: string[] = [];
  for (const pair of header?.split(';') ?? []) {
    const [key, value] = pair.trim().split('=', 2);
    if (key === sessionCookieName && value !== undefined && value !== '') values.push(value);
  }
  return values.slice(0, mostSessions);
}

/**
 * Returns the Set-Cookie header for a session. Scripts cannot read the cookie, and requests from pages of other sites do
 * not include it. `secure` is true if browsers use https to reach the server. An empty `session` deletes the cookie.
 */
export function writeSessionCookie(session: string, options: { path: string; secure: boolean }): string {
  const age = session === '' ? 0 : sessionLifeMs / 1000;
  const path = options.path === '' ? '/' : options.path;
  return `${sessionCookieName}=${session}; Path=${path}; Max-Age=${String(age)}; HttpOnly; SameSite=Strict${options.secure ? '; Secure' : ''}`;
}
