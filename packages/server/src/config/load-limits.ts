import { loadKinds, usualLoadLimits, type LoadKind, type LoadLimits } from '../kernel/load.ts';

/**
 * Parses limits such as `requests=500/5000,streams=100/2000`. The first number is the limit for one credential, the
 * second is the limit in total. Kinds of load (such as `streams`) that the text does not name get their default limits.
 * Returns an error message if the text is invalid.
 */
export function parseLoadLimits(text: string): LoadLimits | string {
  const limits = { ...usualLoadLimits };
  for (const item of text.split(',').map((part) => part.trim())) {
    if (item === '') continue;
    const [, kind = '', own = '', all = ''] = /^([a-z]+)=(\d{1,7})\/(\d{1,7})$/.exec(item) ?? [];
    if (!isKind(kind)) return `${item} is not ${loadKinds.join(', ')} with =<for one credential>/<in all>`;
    const limit = { perCredential: Number(own), inAll: Number(all) };
    if (limit.perCredential < 1 || limit.inAll < limit.perCredential) {
      return `${item} must allow one credential at least 1, and all at least as much as one`;
    }
    limits[kind] = limit;
  }
  return limits;
}

function isKind(text: string): text is LoadKind {
  return (loadKinds as readonly string[]).includes(text);
}
