import { AppError } from '../app-error.ts';

/** At most this many parts, so that a name's folders fit in one transaction of every store. */
export const maxNameParts = 32;
/** Characters (UTF-16 code units) of a whole normalised name. */
export const maxNameLength = 512;
/** UTF-8 bytes of one part: the limit of every common file system. */
export const maxNamePartBytes = 255;

/**
 * Normalises the relative name of a job artifact, or throws `invalid_artifact_name`.
 *
 * Trimmed; `\` counts as `/`; leading `..` dropped; repeated slashes and `.` parts collapsed. Refused:
 * blank, absolute (also `C:/`), any `..` part, control characters, a part over 255 UTF-8 bytes, a name
 * over 512 characters or 32 parts, lone surrogates. Percent signs are literal. (Seed 000 DOC-REQ-007.)
 */
export function normalizeArtifactName(raw: string): string {
  const slashed = raw.trim().replaceAll('\\', '/');
  if (slashed === '') throw refusal(raw, 'it is blank');
  if (!slashed.isWellFormed()) throw refusal(raw, 'it is not valid Unicode');
  if (hasControlCharacter(slashed)) throw refusal(raw, 'it contains a control character');
  if (slashed.startsWith('/') || /^[A-Za-z]:(\/|$)/.test(slashed)) throw refusal(raw, 'it is absolute');
  const parts = slashed.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.length === 0) throw refusal(raw, 'it names no file');
  if (parts.includes('..')) throw refusal(raw, 'it contains a ".." part');
  if (parts.length > maxNameParts) throw refusal(raw, `it has more than ${String(maxNameParts)} parts`);
  if (/\/\.?$/.test(slashed)) throw refusal(raw, 'it ends like a folder');
  const encoder = new TextEncoder();
  if (parts.some((part) => encoder.encode(part).length > maxNamePartBytes)) {
    throw refusal(raw, `a part is longer than ${String(maxNamePartBytes)} bytes`);
  }
  const name = parts.join('/');
  if (name.length > maxNameLength) throw refusal(raw, `it is longer than ${String(maxNameLength)} characters`);
  // After leading ".." is removed, a space or a drive letter may be at the front, so the name is normalised again until
  // nothing changes.
  return name === raw ? name : normalizeArtifactName(name);
}

/** Every folder above a normalised name, outermost first: `a/b/c` gives `a`, `a/b`. */
export function foldersOf(name: string): string[] {
  const parts = name.split('/');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** The last part of a normalised name. */
export function baseName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

// C0, DEL and C1 controls. File names must not contain them, and NUL ends a C string.
function hasControlCharacter(text: string): boolean {
  // eslint-disable-next-line no-control-regex -- finding control characters is the point.
  return /[\u0000-\u001f\u007f-\u009f]/.test(text);
}

function refusal(raw: string, why: string): AppError {
  const shown = JSON.stringify(raw.length > 80 ? `${raw.slice(0, 80)}…` : raw);
  return new AppError(
    'invalid_artifact_name',
    `The artifact name ${shown} is not allowed: ${why}. Use a relative path such as "logs/run.log".`,
    { errors: [{ path: 'name', message: why }] },
  );
}
