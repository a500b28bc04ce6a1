import type { OpenFile } from './file-system.ts';

/**
 * The fsync of one folder, shared by concurrent commits. A caller is covered only by an fsync that began after its
 * call. During a running fsync, callers therefore wait for the next one together.
 */
export class GroupedSync {
  readonly #folder: OpenFile;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(folder: OpenFile) {
    this.#folder = folder;
  }

  sync(): Promise<void> {
    if (this.#running === undefined) return this.#run();
    this.#next ??= this.#running.then(
      () => this.#run(),
      () => this.#run(),
    );
    return this.#next;
  }

  /** Closes the folder after the requested syncs. Never throws. */
  async close(): Promise<void> {
    while (this.#running !== undefined) await (this.#next ?? this.#running).catch(() => undefined);
    await this.#folder.close().catch(() => undefined);
  }

  #run(): Promise<void> {
    this.#next = undefined;
    const done = (): void => {
      if (this.#running === run) this.#running = undefined;
    };
    const run = this.#folder.sync();
    this.#running = run;
    run.then(done, done);
    return run;
  }
}
