import { isAppError } from '@proofhouse/core';
import { messageOf } from '../message-of.ts';
import { isPassing } from '../passing-trouble.ts';

/** Evidence of a run that was refused or lost. */
export interface Loss {
  /** The artifact, or the part of the worker's disk, that is meant. */
  readonly what: string;
  /** One line for people: what was lost, and why. */
  readonly message: string;
  /** Whether another attempt may keep it. */
  readonly retryable: boolean;
}

/** Read by whoever ends the job. */
export interface Deposited {
  readonly count: number;
  /** A job must not succeed over these, unless the worker was told so. */
  readonly losses: readonly Loss[];
  /** One line each: said in the result, and no reason to fail. */
  readonly notes: readonly string[];
}

/** Local causes that another attempt, or another machine, may not have. */
const passingCodes = ['ENOSPC', 'EDQUOT', 'EIO', 'EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EBUSY', 'ESTALE', 'ENOENT'];

/** What one run deposited, lost and left out. */
export class Evidence implements Deposited {
  #count = 0;
  readonly #losses = new Map<string, Loss>();
  readonly #notes: string[] = [];

  get count(): number {
    return this.#count;
  }

  get losses(): readonly Loss[] {
    return [...this.#losses.values()];
  }

  get notes(): readonly string[] {
    return this.#notes;
  }

  /** A name that was lost before and now is kept counts as kept. */
  kept(what: string): void {
    this.#losses.delete(what);
    this.#count += 1;
  }

  /** `shownAs`: for people, when it differs. */
  lose(what: string, error: unknown, shownAs = what): void {
    const message = `${shownAs} was not deposited: ${reasonOf(error)}`;
    this.#losses.set(what, { what, message, retryable: mayPass(error) });
  }

  /** Something of the worker's own making that its disk did not take, already told in a line. */
  loseOwn(line: string): void {
    this.#losses.set(line, { what: line, message: line, retryable: true });
  }

  note(line: string): void {
    this.#notes.push(line);
  }
}

// Paths of this machine say nothing to a reader elsewhere, and may be longer than any message.
function reasonOf(error: unknown): string {
  const { syscall } = error as NodeJS.ErrnoException;
  return syscall === undefined ? messageOf(error) : (messageOf(error).split(`, ${syscall}`)[0] ?? '');
}

function mayPass(error: unknown): boolean {
  if (isAppError(error)) return isPassing(error);
  const { code } = error as NodeJS.ErrnoException;
  return error instanceof Error && code !== undefined && passingCodes.includes(code);
}
