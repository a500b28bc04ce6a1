import { AppError } from '../app-error.ts';

/**
 * Largest number of parts of a name. So the folders of a name are few enough to be written in one transaction of any
 * store.
 */
export const maxNameParts = 32;
/** Largest length of a normalised name, in characters (UTF-16 code units). */
export const maxNameLength = 512;
/** Largest length of one part in bytes of UTF-8, which is the limit of every common file system. */
export const maxNamePartBytes = 255;

/**
 * Returns the normalised relative name of a job artifact (seed 000 DOC-REQ-007). White space at both ends is removed,
 * each `\` becomes `/`, and empty parts and `.` parts are removed. Percent signs are literal.
 *
 * Throws `invalid_artifact_name` in these cases. The name is blank, absolute (also `C:/`), or ends with a slash. It
 * contains a `..` part, a control character or a lone surrogate. A part has over 255 bytes of UTF-8. The name has over
 * 512 characters or more than 32 parts.
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
  // If the first part is `.`, its removal makes the next part the first one. The name may then begin with a space or a
  // drive letter. So it is normalised again until it does not change.
  return name === raw ? name : normalizeArtifactName(name);
}

/** Returns every folder above a normalised name, outermost first: `a` and `a/b` for `a/b/c`. */
export function foldersOf(name: string): string[] {
  const parts = name.split('/');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** Returns the last part of a normalised name. */
export function baseName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

// Finds C0, DEL and C1 control characters, which file names must not contain. (NUL would end a C string.)
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
