import type { OpenFile } from './file-system.ts';

/**
 * Syncs one folder, and shares each fsync among concurrent commits. A call needs an fsync that begins after the call.
 * So all calls that arrive during an fsync wait for the same next one.
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

  /** Waits for the requested syncs, then closes the folder. Never throws. */
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
