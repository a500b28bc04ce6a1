import { AppError, normalizeArtifactName } from '@proofhouse/core';

type Values = Readonly<Record<string, unknown>>;

/** Fills a path of the operations table: `{name}` is one segment, `{+name}` keeps its slashes. */
export function requestUrl(baseUrl: string, path: string, params: Values, query: Values): string {
  const filled = path.replace(/\{(\+?)(\w+)\}/g, (_match, rest: string, name: string) =>
    rest === '+' ? nameSegments(textOf(params[name])) : segment(name, textOf(params[name])),
  );
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null) search.append(name, textOf(value));
  }
  // A plus means a space in forms only; `%20` does everywhere. (A plus in a value is `%2B` already.)
  const text = search.toString().replaceAll('+', '%20');
  return `${baseUrl}${filled}${text === '' ? '' : `?${text}`}`;
}

// URL parsers resolve dot segments, escaped ones too, and the call would reach another URL. So the server's rule for names
// is applied here as well.
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
