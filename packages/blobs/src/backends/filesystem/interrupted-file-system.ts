import type { BigIntStats } from 'node:fs';
import { type FileSystem, nodeFileSystem, type OpenFile } from './file-system.ts';

export type Fault =
  /** The call fails with this code, and has no effect. */
  | { readonly kind: 'fail'; readonly errno: string }
  /** The simulated process stops before the call. Neither this call nor any later call has an effect or settles. */
  | { readonly kind: 'stop-before' }
  /** The simulated process stops after the call. The call has its effect, but neither it nor any later call settles. */
  | { readonly kind: 'stop-after' };

/** A call that succeeded. `beganAt` and `endedAt` are numbers of the sequence that `tick` returns. */
export interface Call {
  readonly name: string;
  readonly path: string;
  readonly beganAt: number;
  readonly endedAt: number;
}

/**
 * The real file system with one injected fault and a log of all calls, for tests. The fault occurs at the call with the
 * number `at`, counted from 1 after `arm`.
 */
export class InterruptedFileSystem implements FileSystem {
  readonly calls: Call[] = [];
  /** Settles when the simulated process has stopped. */
  readonly stopped: Promise<void>;
  readonly #files = new Set<OpenFile>();
  #stop: () => void = () => undefined;
  #isStopped = false;
  #isReleased = false;
  #time = 0;
  #begun = 0;
  #fault: { at: number; fault: Fault } | undefined;

  constructor() {
    this.stopped = new Promise((resolve) => (this.#stop = resolve));
  }

  /** Number of calls since `arm`. */
  get begun(): number {
    return this.#begun;
  }

  /** Returns the next number of a sequence. Tests compare these numbers to check the order of events. */
  tick(): number {
    return ++this.#time;
  }

  arm(at: number, fault: Fault): void {
    this.#begun = 0;
    this.#fault = { at, fault };
  }

  /** Removes the fault. */
  disarm(): void {
    this.#fault = undefined;
  }

  /**
   * Closes all files that are open or being opened, as the operating system would do for a real process that stopped.
   */
  async release(): Promise<void> {
    this.#isReleased = true;
    for (const file of this.#files) await file.close().catch(() => undefined);
  }

  open = (path: string, flags: number, mode?: number): Promise<OpenFile> =>
    this.#step('open', path, async () => {
      const file = await nodeFileSystem.open(path, flags, mode);
      if (this.#isReleased) await file.close();
      this.#files.add(file);
      return this.#wrap(path, file);
    });
  link = (existing: string, created: string): Promise<void> =>
    this.#step('link', created, () => nodeFileSystem.link(existing, created));
  rename = (from: string, to: string): Promise<void> => this.#step('rename', to, () => nodeFileSystem.rename(from, to));
  unlink = (path: string): Promise<void> => this.#step('unlink', path, () => nodeFileSystem.unlink(path));
  mkdir = (path: string, mode: number): Promise<unknown> =>
    this.#step('mkdir', path, () => nodeFileSystem.mkdir(path, mode));
  chmod = (path: string, mode: number): Promise<void> =>
    this.#step('chmod', path, () => nodeFileSystem.chmod(path, mode));
  lstat = (path: string, options: { bigint: true }): Promise<BigIntStats> =>
    this.#step('lstat', path, () => nodeFileSystem.lstat(path, options));
  realpath = (path: string): Promise<string> => this.#step('realpath', path, () => nodeFileSystem.realpath(path));
  opendir: FileSystem['opendir'] = (path, options) =>
    this.#step('opendir', path, () => nodeFileSystem.opendir(path, options));

  #wrap(path: string, file: OpenFile): OpenFile {
    return {
      writev: (chunks) => this.#step('writev', path, () => file.writev(chunks)),
      read: (buffer, offset, length, position) =>
        this.#step('read', path, () => file.read(buffer, offset, length, position)),
      stat: (options) => this.#step('fstat', path, () => file.stat(options)),
      chmod: (mode) => this.#step('fchmod', path, () => file.chmod(mode)),
      sync: () => this.#step('fsync', path, () => file.sync()),
      close: () =>
        this.#step('close', path, async () => {
          this.#files.delete(file);
          await file.close();
        }),
    };
  }

  /**
   * Returns true if the simulated process has stopped. This is a method because TypeScript would assume that a field
   * has the same value before and after a call.
   */
  #hasStopped(): boolean {
    return this.#isStopped;
  }

  async #step<T>(name: string, path: string, work: () => Promise<T>): Promise<T> {
    if (this.#isStopped) return await forever();
    const fault = ++this.#begun === this.#fault?.at ? this.#fault.fault : undefined;
    if (fault?.kind === 'fail') throw systemError(fault.errno, name, path);
    if (fault !== undefined) this.#isStopped = true;
    if (fault?.kind === 'stop-after') await work().catch(() => undefined);
    if (fault !== undefined) this.#stop();
    if (this.#isStopped) return await forever();
    const beganAt = this.tick();
    const result = await work();
    this.calls.push({ name, path, beganAt, endedAt: this.tick() });
    return this.#hasStopped() ? await forever() : result;
  }
}

function forever<T>(): Promise<T> {
  return new Promise<T>(() => undefined);
}

function systemError(errno: string, name: string, path: string): Error {
  return Object.assign(new Error(`${errno}: injected, ${name} '${path}'`), { code: errno });
}
