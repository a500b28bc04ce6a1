import { isAppError } from '@proofhouse/core';
import type { SecretMask } from '../../masking/secret-mask.ts';
import { messageOf } from '../message-of.ts';
import { isPassing } from '../passing-trouble.ts';

/** A piece of evidence that was refused or lost. */
export interface Loss {
  /** What was lost: the name of an artifact, or of a part of the evidence, such as "The output folder". */
  readonly what: string;
  /** One line for people that says what was lost and why. */
  readonly message: string;
  /** True if the deposit may succeed in another attempt. */
  readonly retryable: boolean;
}

/** What one run deposited, lost and omitted. `judged` uses it to decide whether the job succeeds. */
export interface Deposited {
  readonly count: number;
  /** A job with losses must not succeed, unless the worker has `bestEffort`. */
  readonly losses: readonly Loss[];
  /** Lines for the result about files that were renamed, omitted or truncated. A note does not make the job fail. */
  readonly notes: readonly string[];
}

/**
 * Error codes of Node whose cause may be temporary, or may exist on this machine only. So another attempt may succeed.
 */
const passingCodes = ['ENOSPC', 'EDQUOT', 'EIO', 'EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EBUSY', 'ESTALE', 'ENOENT'];

/** Counts the deposits of one run, and records losses and notes. The texts of both are masked. */
export class Evidence implements Deposited {
  readonly #mask: SecretMask | undefined;
  #count = 0;
  readonly #losses = new Map<string, Loss>();
  readonly #notes: string[] = [];

  constructor(mask?: SecretMask) {
    this.#mask = mask;
  }

  get count(): number {
    return this.#count;
  }

  get losses(): readonly Loss[] {
    return [...this.#losses.values()];
  }

  get notes(): readonly string[] {
    return this.#notes;
  }

  /** Records that `what` was deposited. If an earlier deposit of the same name failed, that loss is removed. */
  kept(what: string): void {
    this.#losses.delete(what);
    this.#count += 1;
  }

  /** Records a loss. `shownAs` replaces `what` in messages. */
  lose(what: string, error: unknown, shownAs = what): void {
    const message = this.#masked(`${shownAs} was not deposited: ${reasonOf(error)}`);
    this.#losses.set(what, { what, message, retryable: mayPass(error) });
  }

  /**
   * Records that a file of the worker itself, such as a patch, could not be written. `line` is the complete message.
   */
  loseOwn(line: string): void {
    const message = this.#masked(line);
    this.#losses.set(line, { what: message, message, retryable: true });
  }

  note(line: string): void {
    this.#notes.push(this.#masked(line));
  }

  #masked(line: string): string {
    return this.#mask?.text(line) ?? line;
  }
}

// Returns the message of an error without the file path. The path is useless on other machines, and can be longer than
// a message may be.
function reasonOf(error: unknown): string {
  const { syscall } = error as NodeJS.ErrnoException;
  return syscall === undefined ? messageOf(error) : (messageOf(error).split(`, ${syscall}`)[0] ?? '');
}

function mayPass(error: unknown): boolean {
  if (isAppError(error)) return isPassing(error);
  const { code } = error as NodeJS.ErrnoException;
  return error instanceof Error && code !== undefined && passingCodes.includes(code);
}
