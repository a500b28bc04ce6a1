const paths = /^\/v0(?:\/|$)/;
const experimentPaths = /^\/v0\/experiments\/([^/]+)/;

/** The longest URL that an answer repeats. */
const mostUrlCharacters = 2048;

export interface V0DoorParts {
  /** `/work`, or empty. */
  readonly basePath: string;
  /** Where the server is reached, base path included, without a slash at the end. */
  readonly baseUrl: () => string;
}

/**
 * Which requests come through the door of /v0, by their targets alone: also what no route knows, and what is hardly a
 * request, is refused in this door's own words.
 */
export class V0Door {
  readonly #parts: V0DoorParts;

  constructor(parts: V0DoorParts) {
    this.#parts = parts;
  }

  takes(target: string): boolean {
    return paths.test(this.#path(target));
  }

  /** The experiment that a target names, whether or not there is such a path. */
  experimentOf(target: string): string | undefined {
    return experimentPaths.exec(this.#path(target))?.[1];
  }

  /** The absolute URL of a request, never from what its client calls this server; a very long one is cut. */
  urlOf(target: string): string {
    const url = this.#parts.baseUrl() + escaped(this.#belowBase(target) ?? '');
    if (url.length <= mostUrlCharacters) return url;
    return url.slice(0, mostUrlCharacters).replace(/%.?$/, '');
  }

  #path(target: string): string {
    const path = this.#belowBase(target)?.split(/[?#]/, 1)[0] ?? '';
    if (!path.includes('%')) return path;
    try {
      return decodeURIComponent(path);
    } catch {
      return path;
    }
  }

  #belowBase(target: string): string | undefined {
    const { basePath } = this.#parts;
    // A client may write the whole URL (RFC 9112 section 3.2.2); the router reads its path.
    const local = target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?#]*/i, '');
    return local.startsWith(basePath) ? local.slice(basePath.length) : undefined;
  }
}

// What no URL may hold as it is (RFC 3986) is percent-encoded.
function escaped(target: string): string {
  return target.replace(/%(?![0-9a-f]{2})|[^\x21-\x7e]|["#<>[\\\]^`{|}]/gi, (found) =>
    [...Buffer.from(found)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}
