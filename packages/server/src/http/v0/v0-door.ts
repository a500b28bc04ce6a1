const paths = /^\/v0(?:\/|$)/;
const experimentPaths = /^\/v0\/experiments\/([^/]+)/;

/** The longest URL that an answer repeats. */
const mostUrlCharacters = 2048;

export interface V0DoorParts {
  /** `/work`, or empty. */
  readonly basePath: string;
  /** Base URL of the server, base path included, without a trailing slash. */
  readonly baseUrl: () => string;
}

/**
 * Decides by the target alone which requests belong to /v0, so that unknown routes and requests that cannot be parsed are
 * refused in the format of that API too.
 */
export class V0Door {
  readonly #parts: V0DoorParts;

  constructor(parts: V0DoorParts) {
    this.#parts = parts;
  }

  takes(target: string): boolean {
    return paths.test(this.#path(target));
  }

  /** The experiment in a target, whether or not the path exists. */
  experimentOf(target: string): string | undefined {
    return experimentPaths.exec(this.#path(target))?.[1];
  }

  /**
   * The absolute URL of a request, from the server's own base URL instead of the client's Host; a very long URL is
   * truncated.
   */
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
    // A target may be an absolute URL (RFC 9112 section 3.2.2); the router reads its path.
    const local = target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?#]*/i, '');
    return local.startsWith(basePath) ? local.slice(basePath.length) : undefined;
  }
}

// Percent-encodes the characters that no URL may contain (RFC 3986).
function escaped(target: string): string {
  return target.replace(/%(?![0-9a-f]{2})|[^\x21-\x7e]|["#<>[\\\]^`{|}]/gi, (found) =>
    [...Buffer.from(found)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}
