import { AppError, normalizeArtifactName } from '@proofhouse/core';

type Values = Readonly<Record<string, unknown>>;

/**
 * Returns the URL of a call: the base URL, the path of the operation with its parameters, and the query. `{name}` in
 * the path becomes one segment. `{+name}` may become several segments, because its slashes are kept.
 */
export function requestUrl(baseUrl: string, path: string, params: Values, query: Values): string {
  const filled = path.replace(/\{(\+?)(\w+)\}/g, (_match, rest: string, name: string) =>
    rest === '+' ? nameSegments(textOf(params[name])) : segment(name, textOf(params[name])),
  );
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null) search.append(name, textOf(value));
  }
  // `%20` means a space everywhere, but `+` means a space in forms only. (URLSearchParams encodes a plus as `%2B`.)
  const text = search.toString().replaceAll('+', '%20');
  return `${baseUrl}${filled}${text === '' ? '' : `?${text}`}`;
}

// Applies the server's rule for artifact names, which refuses the segments `.` and `..`. A URL parser would resolve
// such segments, even escaped ones, and the call would reach another URL.
function nameSegments(name: string): string {
  return normalizeArtifactName(name).split('/').map(encodeURIComponent).join('/');
}

function segment(name: string, value: string): string {
  if (value !== '' && value !== '.' && value !== '..' && value.isWellFormed()) return encodeURIComponent(value);
  throw new AppError('invalid_request', `${JSON.stringify(value)} cannot be a ${name}.`, {
    errors: [{ path: name, message: 'must be an id' }],
  });
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
}
