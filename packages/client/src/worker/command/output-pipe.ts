import { execFile } from 'node:child_process';
import { constants, openSync } from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { Socket } from 'node:net';
import { promisify } from 'node:util';
import type { LogCapture } from '../evidence/log-capture.ts';

/**
 * Largest number of bytes that wait to be written to disk. If more are waiting, the pipe is not read (back-pressure).
 */
const maxPendingBytes = 4 * 1024 * 1024;
/** The pipe counts as empty if no byte was read in this number of iterations of the event loop. */
const quietRounds = 3;
/**
 * Largest number of bytes that are read after the end of the command. There must be a limit, because a process that
 * outlives the command may never stop writing.
 */
const maxLateBytes = 16 * 1024 * 1024;

/**
 * A named pipe that transfers the output of a command into a log of bounded size. Standard output and standard error
 * use the same pipe, so their order is kept. The command can open `/dev/stdout`. Node's own pipes are sockets, with
 * which this is not possible.
 */
export class OutputPipe {
  readonly #writer: FileHandle;
  readonly #reader: Socket;
  readonly #log: LogCapture;
  #takenBytes = 0;
  #hasEnded = false;
  #isWriterClosed = false;

  private constructor(writer: FileHandle, reader: Socket, log: LogCapture) {
    this.#writer = writer;
    this.#reader = reader;
    this.#log = log;
    reader.on('data', (piece: Buffer) => this.#take(piece));
    // A read error means that no process has the write end open. The pipe has then ended.
    reader.on('error', () => (this.#hasEnded = true)).on('end', () => (this.#hasEnded = true));
  }

  /**
   * Creates the pipe at `path`, where no file may exist. Removes the file again after both ends are open. Returns
   * undefined if the system or the file system has no named pipes.
   */
  static async open(path: string, searchPath: string, log: LogCapture): Promise<OutputPipe | undefined> {
    try {
      await promisify(execFile)('mkfifo', ['-m', '600', path], { env: { PATH: searchPath } });
      // O_NONBLOCK is needed because opening the read end would otherwise block until there is a writer. The pipe must
      // be read only after the writer is open, because reading a pipe without a writer returns its end.
      const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const writer = await open(path, constants.O_WRONLY);
      const reader = new Socket({ fd: readEnd, readable: true, writable: false });
      return new OutputPipe(writer, reader, log);
    } catch {
      return undefined;
    } finally {
      await rm(path, { force: true });
    }
  }

  /** File descriptor for the command's standard output and standard error. */
  get fd(): number {
    return this.#writer.fd;
  }

  /** Reads the rest of the pipe and closes it. Does not wait for a process that still has the write end open. */
  async drain(): Promise<void> {
    await this.#closeWriter();
    const upTo = this.#takenBytes + maxLateBytes;
    for (let quiet = 0; quiet < quietRounds && !this.#hasEnded && this.#takenBytes < upTo; quiet += 1) {
      const before = this.#takenBytes;
      await this.#log.settled();
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#takenBytes > before) quiet = -1;
    }
    this.#reader.destroy();
    await this.#log.settled();
  }

  /** Closes the pipe and discards the bytes that are still in it. */
  async destroy(): Promise<void> {
    this.#reader.destroy();
    await this.#closeWriter();
  }

  async #closeWriter(): Promise<void> {
    if (!this.#isWriterClosed) await this.#writer.close();
    this.#isWriterClosed = true;
  }

  #take(piece: Buffer): void {
    this.#takenBytes += piece.length;
    this.#log.write(piece);
    if (this.#log.pendingBytes < maxPendingBytes) return;
    this.#reader.pause();
    void this.#log.settled().then(() => this.#reader.resume());
  }
}
