import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '@proofhouse/core';

/** A server and the token with which commands call it. */
export interface Profile {
  readonly url: string;
  readonly token: string;
}

export interface Profiles {
  /** The name of the profile that commands use by default. Undefined if there is none. */
  readonly current: string | undefined;
  readonly byName: ReadonlyMap<string, Profile>;
}

/** The profile that `proofhouse login` writes if no other is named. */
export const usualProfile = 'default';

/** Returns the path of the file of profiles. Undefined if the environment has neither XDG_CONFIG_HOME nor HOME. */
function profilePath(env: NodeJS.ProcessEnv): string | undefined {
  const { XDG_CONFIG_HOME: config = '', HOME: home = '' } = env;
  // The XDG specification says that a relative path must be ignored.
  const folder = path.isAbsolute(config) ? config : path.isAbsolute(home) ? path.join(home, '.config') : undefined;
  return folder === undefined ? undefined : path.join(folder, 'proofhouse', 'config.json');
}

/**
 * Reads the profiles. Returns none if there is no file. Errors: `forbidden` if other users may read the file,
 * `invalid_request` if it is no file of profiles.
 */
export async function readProfiles(env: NodeJS.ProcessEnv): Promise<Profiles> {
  const file = profilePath(env);
  if (file === undefined) return { current: undefined, byName: new Map() };
  let text: string;
  try {
    await requirePrivate(file);
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { current: undefined, byName: new Map() };
    throw error;
  }
  return parse(text, file);
}

/**
 * Writes the profiles to a file that only this user may read. The file is replaced as a whole, so a reader never sees a part
 * of it. Errors: `invalid_request` without a folder for it.
 */
export async function writeProfiles(env: NodeJS.ProcessEnv, { current, byName }: Profiles): Promise<string> {
  const file = profilePath(env);
  if (file === undefined) {
    throw new AppError('invalid_request', 'There is no place for profiles: set XDG_CONFIG_HOME or HOME.');
  }
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const text = JSON.stringify({ current, profiles: Object.fromEntries(byName) }, null, 2);
  const draft = `${file}.${String(process.pid)}`;
  await rm(draft, { force: true });
  try {
    // `wx` refuses an existing file, such as a link that somebody placed here.
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(`${text}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  return file;
}

/** Returns the profile of this name. Throws `not_found` if there is none. */
export function requireProfile({ byName }: Profiles, name: string): Profile {
  const found = byName.get(name);
  if (found !== undefined) return found;
  const names = byName.size === 0 ? 'There is none yet' : `There are: ${[...byName.keys()].join(', ')}`;
  throw new AppError('not_found', `There is no profile ${JSON.stringify(name)}. ${names}.\n  Next: proofhouse login`);
}

async function requirePrivate(file: string): Promise<void> {
  const { mode } = await stat(file);
  if (process.platform === 'win32' || (mode & 0o077) === 0) return;
  const bits = (mode & 0o777).toString(8).padStart(4, '0');
  throw new AppError('forbidden', `${file} contains a token, and others may read it (mode ${bits}): chmod 600 it.`);
}

function parse(text: string, file: string): Profiles {
  const wrong = (cause?: unknown): AppError =>
    new AppError('invalid_request', `${file} is no file of profiles; remove it and run proofhouse login.`, { cause });
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw wrong(error);
  }
  const { current, profiles } = Object(parsed) as { current?: unknown; profiles?: unknown };
  if (typeof profiles !== 'object' || profiles === null) throw wrong();
  const byName = new Map<string, Profile>();
  for (const [name, profile] of Object.entries(profiles)) {
    const { url, token } = Object(profile) as { url?: unknown; token?: unknown };
    if (typeof url !== 'string' || typeof token !== 'string') throw wrong();
    byName.set(name, { url, token });
  }
  return { current: typeof current === 'string' ? current : undefined, byName };
}
