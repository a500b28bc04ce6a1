import { lstat } from 'node:fs/promises';
import { shownName } from '../shown-name.ts';

interface Omission {
  /** Reported when the file changed; undefined when no report is needed. */
  readonly reason: string | undefined;
  readonly identity: string;
}

/**
 * Files and folders that a snapshot leaves out. An entry stays left out in later snapshots: with one side only, a patch
 * would show it as new or deleted. Names are bytes, stored as latin1.
 */
export class LeftOut {
  readonly #top: string;
  readonly #omissions = new Map<string, Omission>();

  constructor(top: string) {
    this.#top = top;
  }

  /** Literal pathspecs of git, since names may contain pattern characters. */
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
   * Returns one line for each file that is left out for a reason. Settled files are included only if they changed
   * since.
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
