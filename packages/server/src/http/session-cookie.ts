import { sessionLifeMs } from '../users/sign-in.ts';

export const sessionCookieName = 'proofhouse_session';

/** Servers on other ports of the host can set cookies of this name too; at most this many are checked. */
const mostSessions = 8;

/** The sessions of a Cookie header (RFC 6265): usually none or one. */
export function readSessionCookies(header: string | undefined): readonly string[] {
  const values: string[] = [];
  for (const pair of header?.split(';') ?? []) {
    const [key, value] = pair.trim().split('=', 2);
    if (key === sessionCookieName && value !== undefined && value !== '') values.push(value);
  }
  return values.slice(0, mostSessions);
}

/**
 * Not readable by scripts, and not sent by pages of other sites. `secure`: for servers reached by https. An empty session
 * deletes the cookie.
 */
export function writeSessionCookie(session: string, options: { path: string; secure: boolean }): string {
  const age = session === '' ? 0 : sessionLifeMs / 1000;
  const path = options.path === '' ? '/' : options.path;
  return `${sessionCookieName}=${session}; Path=${path}; Max-Age=${String(age)}; HttpOnly; SameSite=Strict${options.secure ? '; Secure' : ''}`;
}
