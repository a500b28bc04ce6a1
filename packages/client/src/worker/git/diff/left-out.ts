import { lstat } from 'node:fs/promises';
import { shownName } from '../shown-name.ts';

interface Omission {
  /** The reason for omitting the file, for the line about it. Undefined if no line is needed. */
  readonly reason: string | undefined;
  readonly identity: string;
}

/**
 * The files and folders that a snapshot (git tree) omits. Later snapshots omit them too. If only one of two trees had
 * such a file, the patch would show it as new or deleted. Names are latin1 strings, with one character for each byte.
 */
export class LeftOut {
  readonly #top: string;
  readonly #omissions = new Map<string, Omission>();

  constructor(top: string) {
    this.#top = top;
  }

  /** Git pathspecs that exclude the omitted names. They are literal, because a name may contain pattern characters. */
  get pathspecs(): Buffer[] {
    return [...this.#omissions.keys()].map((name) =>
      Buffer.concat([Buffer.from(':(top,exclude,literal)'), Buffer.from(name, 'latin1')]),
    );
  }

  async add(name: Buffer, reason?: string): Promise<void> {
    const key = name.toString('latin1');
    if (!this.#omissions.has(key)) this.#omissions.set(key, { reason, identity: await this.#identityOf(name) });
  }

  has(name: Buffer): boolean {
    if (this.#omissions.size === 0) return false;
    const text = name.toString('latin1');
    for (let end = text.length; end > 0; end = text.lastIndexOf('/', end - 1)) {
      if (this.#omissions.has(text.slice(0, end))) return true;
    }
    return false;
  }

  /**
   * Returns one line for each file that was omitted for a reason. `settled` are the files that the first tree omitted.
   * Such a file gets a line only if it has changed since then.
   */
  async lines(settled: ReadonlySet<string>): Promise<string[]> {
    const lines: string[] = [];
    for (const [name, { reason, identity }] of this.#omissions) {
      if (reason === undefined) continue;
      const bytes = Buffer.from(name, 'latin1');
      if (settled.has(name) && (await this.#identityOf(bytes)) === identity) continue;
      lines.push(`${shownName(bytes)} ${reason}`);
    }
    return lines;
  }

  get names(): ReadonlySet<string> {
    return new Set(this.#omissions.keys());
  }

  #identityOf(name: Buffer): Promise<string> {
    return lstat(Buffer.concat([Buffer.from(`${this.#top}/`), name]), { bigint: true }).then(
      ({ dev, ino, size, mode, mtimeNs, ctimeNs }) => [dev, ino, size, mode, mtimeNs, ctimeNs].join(' '),
      () => 'gone',
    );
  }
}
