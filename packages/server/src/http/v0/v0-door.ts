const paths = /^\/v0(?:\/|$)/;
const experimentPaths = /^\/v0\/experiments\/([^/]+)/;

/** Largest number of characters of a request URL that a problem document contains. */
const mostUrlCharacters = 2048;

export interface V0DoorParts {
  /** The path prefix of all routes, such as `/work`, or an empty string. */
  readonly basePath: string;
  /** Base URL of the server. It includes the base path and has no trailing slash. */
  readonly baseUrl: () => string;
}

/**
 * Decides by the request target alone whether a request belongs to /v0. So even unknown routes below /v0, and requests
 * that cannot be parsed, get errors in the format of /v0.
 */
export class V0Door {
  readonly #parts: V0DoorParts;

  constructor(parts: V0DoorParts) {
    this.#parts = parts;
  }

  /** Returns true if the request target belongs to /v0. */
  takes(target: string): boolean {
    return paths.test(this.#path(target));
  }

  /**
   * Returns the experiment id in a request target, even if no route has this path. Returns undefined if the target
   * contains no id.
   */
  experimentOf(target: string): string | undefined {
    return experimentPaths.exec(this.#path(target))?.[1];
  }

  /**
   * Returns the absolute URL of a request. It begins with the base URL of the server, not with the Host header. A URL with
   * more than 2048 characters is truncated.
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
    // A request target may be an absolute URL (RFC 9112 section 3.2.2). The router uses only its path, and so does this
    // method.
    const local = target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?#]*/i, '');
    return local.startsWith(basePath) ? local.slice(basePath.length) : undefined;
  }
}

// Percent-encodes all characters that a URL must not contain (RFC 3986).
function escaped(target: string): string {
  return target.replace(/%(?![0-9a-f]{2})|[^\x21-\x7e]|["#<>[\\\]^`{|}]/gi, (found) =>
    [...Buffer.from(found)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}
