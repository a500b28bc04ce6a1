import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ArtifactType } from '@proofhouse/core';
import { messageOf } from '../../message-of.ts';
import type { DiffLimits } from './diff-limits.ts';
import { contentNameOf, diffNameOf, listName } from './diff-names.ts';
import type { LargeContent } from '../filtered-files.ts';
import { isOutOfSpace } from './out-of-space.ts';
import { hashPlainFile } from '../plain-file.ts';
import { copyContent, type RepositoryChange, type RepositoryDiff } from './repository-diff.ts';
import { TooMuch, type Git } from '../run-git.ts';
import { shownName } from '../shown-name.ts';

const MiB = 1024 * 1024;
/** The server limits metadata to 4096 bytes; this leaves room for the other fields. */
const maxMetadataLineBytes = 3000;
const hint = ' (`--no-diff` does without it)';

/** A file of the worker that will be deposited. */
export interface DiffDeposit {
  readonly name: string;
  readonly path: string;
  readonly type: ArtifactType;
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface DiffEvidence {
  /** `diff.diff`, `diffs/<path>.diff`, contents of Git LFS, and `diffs.json` as the last. */
  readonly deposits: readonly DiffDeposit[];
  /** One line for each item that changed, or may have changed, and that no deposit contains. */
  readonly leftOut: readonly string[];
  /** One line for each file that the worker could not write. */
  readonly lost: readonly string[];
}

interface ListedContent {
  readonly path: string;
  readonly artifact: string;
  readonly sizeBytes: number;
  readonly digest: string;
}

/** One entry of `diffs.json`. Null means no change, or that a change could not be determined. */
interface ListedDiff {
  readonly path: string;
  readonly artifact: string | null;
  readonly sizeBytes: number | null;
  readonly digest: string | null;
  readonly base: string | null;
  readonly head: string | null;
  readonly baseTree: string | null;
  readonly headTree: string | null;
  readonly contents: readonly ListedContent[];
  readonly leftOut: readonly string[];
}

const nothingKnown = {
  artifact: null,
  sizeBytes: null,
  digest: null,
  base: null,
  head: null,
  baseTree: null,
  headTree: null,
  contents: [],
} as const;

/**
 * Collects the patches of a job, one per repository, within the limits. Paths are bytes as latin1, relative to the
 * root.
 */
export class WrittenDiffs {
  readonly #scratch: string;
  readonly #limits: DiffLimits;
  readonly #deposits: DiffDeposit[] = [];
  readonly #listed: ListedDiff[] = [];
  readonly #leftOut = new Set<string>();
  readonly #lost: string[] = [];
  readonly #room: { diffBytes: number; contentBytes: number; contents: number };

  constructor(scratch: string, limits: DiffLimits) {
    this.#scratch = scratch;
    this.#limits = limits;
    const { maxAllDiffsBytes: diffBytes, maxContentBytes: contentBytes, maxContents: contents } = limits;
    this.#room = { diffBytes, contentBytes, contents };
  }

  leaveOut(...lines: readonly string[]): void {
    for (const line of lines) this.#leftOut.add(line);
  }

  /** Records the reason why a repository has no patch. */
  refuse(where: string, reason: string): void {
    const bytes = Buffer.from(where, 'latin1');
    const line = `${diffNameOf(bytes)} was not deposited: ${reason}${hint}`;
    this.#listed.push({ ...nothingKnown, path: pathOf(bytes), leftOut: [line] });
    this.leaveOut(line);
  }

  /** Writes the patch of a repository. Throws only when the signal of `git` is aborted. */
  async add(git: Git, where: string, diff: RepositoryDiff): Promise<void> {
    const bytes = Buffer.from(where, 'latin1');
    const maxBytes = Math.min(this.#limits.maxDiffBytes, this.#room.diffBytes);
    const file = path.join(this.#scratch, `${this.#listed.length}.diff`);
    const told = (line: string): string => (where === '' ? line : `${shownName(bytes)}: ${line}`);
    try {
      const change = await diff.write(git, file, maxBytes);
      const leftOut = change.leftOut.map(told);
      const { base, head, baseTree, headTree } = change;
      const at = this.#deposits.length;
      const contents = await this.#addContents(git, where, diff, change, leftOut);
      const entry = { ...nothingKnown, path: pathOf(bytes), base, head, baseTree, headTree, contents, leftOut };
      const { patch } = change;
      this.#listed.push(patch === undefined ? entry : await this.#addPatch(git, { where: bytes, patch, at }, entry));
      this.leaveOut(...leftOut);
    } catch (error) {
      git.signal.throwIfAborted();
      const tooLarge = error instanceof TooMuch;
      this.leaveOut(...(await diff.lines()).map(told));
      if (isOutOfSpace(error)) this.#lost.push(`${diffNameOf(bytes)} was not deposited: ${messageOf(error)}`);
      else this.refuse(where, tooLarge ? `it is larger than ${maxBytes / MiB} MiB` : messageOf(error));
    }
  }

  /** Returns all deposits, with the list of patches as the last. */
  async finish(): Promise<DiffEvidence> {
    const leftOut = this.#bounded([...this.#leftOut]);
    if (this.#deposits.length > 0 || leftOut.length > 0) {
      const file = path.join(this.#scratch, listName);
      const diffs = this.#listed.map((entry) => ({ ...entry, leftOut: this.#bounded(entry.leftOut) }));
      const list = `${JSON.stringify({ version: 1, diffs, leftOut }, null, 2)}\n`;
      try {
        await writeFile(file, list, { mode: 0o600 });
        const metadata = leftOutOf(leftOut);
        this.#deposits.push({ name: listName, path: file, type: 'other', contentType: 'application/json', metadata });
      } catch (error) {
        this.#lost.push(`${listName} was not deposited: ${messageOf(error)}`);
      }
    }
    return { deposits: this.#deposits, leftOut, lost: this.#lost };
  }

  /** Adds the patch; `at` is its index among the deposits. */
  async #addPatch(
    { signal }: Git,
    { where, patch, at }: { where: Buffer; patch: string; at: number },
    entry: ListedDiff,
  ): Promise<ListedDiff> {
    const hashed = await hashPlainFile(patch, { maxBytes: this.#limits.maxDiffBytes, signal });
    if (hashed === undefined) throw new Error('the patch is gone');
    const { sizeBytes } = hashed;
    this.#room.diffBytes -= sizeBytes;
    const artifact = diffNameOf(where);
    const { path: shown, base, head, baseTree, headTree } = entry;
    const shownPath = Buffer.byteLength(shown) <= 500 ? { path: shown } : {};
    const metadata = { ...shownPath, base, head, baseTree, headTree, ...leftOutOf(entry.leftOut) };
    const deposit: DiffDeposit = { name: artifact, path: patch, type: 'diff', contentType: 'text/x-diff', metadata };
    this.#deposits.splice(at, 0, deposit);
    return { ...entry, artifact, sizeBytes, digest: `sha256:${hashed.hash}` };
  }

  async #addContents(
    git: Git,
    where: string,
    diff: RepositoryDiff,
    { contents }: RepositoryChange,
    leftOut: string[],
  ): Promise<ListedContent[]> {
    const listed: ListedContent[] = [];
    for (const content of contents) {
      const { oid, sizeBytes, name } = content;
      const shown = shownName(where === '' ? name : Buffer.concat([Buffer.from(`${where}/`, 'latin1'), name]));
      const refusal = await this.#addContent(git, shown, diff, content);
      if (refusal === undefined) {
        listed.push({ path: pathOf(name), artifact: contentNameOf(oid), sizeBytes, digest: `sha256:${oid}` });
      } else leftOut.push(`the content of ${shown} (Git LFS, ${sizeBytes} bytes) was not deposited: ${refusal}`);
    }
    return listed;
  }

  /** Returns undefined, or the reason why the content was not added. Equal contents are deposited once. */
  async #addContent(git: Git, shown: string, diff: RepositoryDiff, content: LargeContent): Promise<string | undefined> {
    const { oid, sizeBytes } = content;
    const name = contentNameOf(oid);
    if (this.#deposits.some((deposit) => deposit.name === name)) return undefined;
    const { maxContents, maxContentBytes } = this.#limits;
    if (sizeBytes > this.#room.contentBytes || this.#room.contents === 0) {
      return `at most ${maxContents} contents and ${maxContentBytes / MiB} MiB of them are`;
    }
    const to = path.join(this.#scratch, `content-${oid}`);
    if (!(await copyContent(diff.place.repository.top, content, to, git.signal))) return 'it changed while it was read';
    this.#room.contentBytes -= sizeBytes;
    this.#room.contents -= 1;
    const contentType = 'application/octet-stream';
    this.#deposits.push({ name, path: to, type: 'other', contentType, metadata: { path: shown.slice(0, 1000) } });
    return undefined;
  }

  #bounded(lines: readonly string[]): string[] {
    const { maxLines } = this.#limits;
    if (lines.length <= maxLines) return [...lines];
    return [...lines.slice(0, maxLines), `and ${lines.length - maxLines} more things are not in the diff`];
  }
}

/** Returns as many lines as metadata can hold, and the total number of lines. */
function leftOutOf(lines: readonly string[]): Record<string, unknown> {
  if (lines.length === 0) return {};
  let room = maxMetadataLineBytes;
  const leftOut = lines.filter((line) => (room -= Buffer.byteLength(JSON.stringify(line)) + 1) >= 0);
  return { leftOut, leftOutCount: lines.length };
}

/** Returns the path as text when it is UTF-8, else quoted with escapes. */
function pathOf(name: Buffer): string {
  const text = name.toString();
  return Buffer.from(text).equals(name) ? text : shownName(name);
}
