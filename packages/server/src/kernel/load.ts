import { AppError } from '@proofhouse/core';

/** The kinds of resources whose number is limited, for each credential and in total. */
export const loadKinds = ['requests', 'streams', 'downloads', 'excerpts'] as const;
export type LoadKind = (typeof loadKinds)[number];

export interface LoadLimit {
  readonly perCredential: number;
  readonly inAll: number;
}

export type LoadLimits = Readonly<Record<LoadKind, LoadLimit>>;

/** Default limits. The limit of one credential is far below the total, so that one caller cannot exhaust the server. */
export const usualLoadLimits: LoadLimits = {
  requests: { perCredential: 500, inAll: 5000 },
  streams: { perCredential: 100, inAll: 2000 },
  downloads: { perCredential: 64, inAll: 512 },
  excerpts: { perCredential: 8, inAll: 64 },
};

/** Limits for the bytes of responses that are buffered because clients have not read them yet. */
const unreadBytes: LoadLimit = { perCredential: 32 * 1024 * 1024, inAll: 256 * 1024 * 1024 };
/**
 * The unread bytes of a credential are checked only if it has at least this many open responses. Each response buffers
 * a bounded number of bytes, so fewer responses cannot buffer many.
 */
const fewAnswers = 16;

/** A response that has not ended, such as a `ServerResponse`. `writableLength` is the number of its unread bytes. */
export interface OpenAnswer {
  readonly writableLength: number;
}

const words: Readonly<Record<LoadKind, string>> = {
  requests: 'requests are open',
  streams: 'event streams are open',
  downloads: 'downloads are under way',
  excerpts: 'excerpts are read',
};

/** Counts open resources, for each credential and in total, and throws `too_busy` above the limits. */
export class Load {
  readonly #limits: LoadLimits;
  readonly #inAll = new Map<LoadKind, number>();
  readonly #byKey = new Map<string, number>();
  readonly #answers = new Map<string, Set<OpenAnswer>>();

  constructor(limits: LoadLimits = usualLoadLimits) {
    this.#limits = limits;
  }

  /**
   * Counts one more open resource of this kind, for example a download. The caller must call the returned function when
   * the resource is closed. `key` identifies the credential. Errors: `too_busy`.
   */
  enter(kind: LoadKind, key: string): () => void {
    const own = `${kind}:${key}`;
    const { perCredential, inAll } = this.#limits[kind];
    if ((this.#byKey.get(own) ?? 0) >= perCredential) {
      throw tooBusy(`${String(perCredential)} ${words[kind]} by this credential, which is the most.`);
    }
    if ((this.#inAll.get(kind) ?? 0) >= inAll) throw tooBusy(`${String(inAll)} ${words[kind]}, which is the most.`);
    add(this.#byKey, own, 1);
    add(this.#inAll, kind, 1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      add(this.#byKey, own, -1);
      add(this.#inAll, kind, -1);
    };
  }

  /**
   * Counts the unread bytes of a response from now on. The caller must call the returned function when the response has
   * ended. `key` identifies the credential. Errors: `too_busy`, if the unread bytes of earlier responses already exceed
   * a limit.
   */
  answer(key: string, answer: OpenAnswer): () => void {
    const own = this.#answers.get(key) ?? new Set();
    if (own.size >= fewAnswers && unreadOf(own) > unreadBytes.perCredential) {
      throw tooBusy('Too much of what this credential asked for waits to be read.');
    }
    if (this.#inAllUnread() > unreadBytes.inAll) throw tooBusy('Too many answers wait to be read.');
    own.add(answer);
    this.#answers.set(key, own);
    return () => {
      own.delete(answer);
      if (own.size === 0 && this.#answers.get(key) === own) this.#answers.delete(key);
    };
  }

  #inAllUnread(): number {
    let sum = 0;
    for (const own of this.#answers.values()) if (own.size >= fewAnswers) sum += unreadOf(own);
    return sum;
  }
}

function unreadOf(answers: ReadonlySet<OpenAnswer>): number {
  let sum = 0;
  for (const { writableLength } of answers) sum += writableLength;
  return sum;
}

function add<Key>(counts: Map<Key, number>, key: Key, change: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

function tooBusy(why: string): AppError {
  return new AppError('too_busy', `The server has too much to do: ${why} Try again later.`);
}
