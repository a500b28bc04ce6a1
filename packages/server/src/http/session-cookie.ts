import { sessionLifeMs } from '../users/sign-in.ts';

export const sessionCookieName = 'proofhouse_session';

/** The session of a Cookie header (RFC 6265), if it carries one. */
export function readSessionCookie(header: string | undefined): string | undefined {
  for (const pair of header?.split(';') ?? []) {
    const [key, value] = pair.trim().split('=', 2);
    if (key === sessionCookieName && value !== undefined && value !== '') return value;
  }
  return undefined;
}

/**
 * Never readable by scripts, never sent by pages elsewhere. `secure` when people reach us by https. An
 * empty session ends it.
 */
export function writeSessionCookie(session: string, options: { path: string; secure: boolean }): string {
  const age = session === '' ? 0 : sessionLifeMs / 1000;
  const path = options.path === '' ? '/' : options.path;
  return `${sessionCookieName}=${session}; Path=${path}; Max-Age=${String(age)}; HttpOnly; SameSite=Strict${options.secure ? '; Secure' : ''}`;
}
