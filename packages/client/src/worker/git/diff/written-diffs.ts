import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ArtifactType } from '@proofhouse/core';
import { maskContent, type ContentUse } from '../../../masking/mask-content.ts';
import { MaskFailure, type SecretMask } from '../../../masking/secret-mask.ts';
import { EvidenceFile } from '../../evidence/evidence-file.ts';
import { messageOf } from '../../message-of.ts';
import type { DiffLimits } from './diff-limits.ts';
import { contentNameOf, diffNameOf, listName } from './diff-names.ts';
import type { LargeContent } from '../filtered-files.ts';
import { isOutOfSpace } from './out-of-space.ts';
import { copyContent, type RepositoryChange, type RepositoryDiff } from './repository-diff.ts';
import { TooMuch, type Git } from '../run-git.ts';
import { shownName } from '../shown-name.ts';

const MiB = 1024 * 1024;
/**
 * Largest size in bytes of the lines in the metadata of an artifact. The server limits all metadata together to 4096
 * bytes.
 */
const maxMetadataLineBytes = 3000;
const hint = ' (`--no-diff` does without it)';

/** A file that the worker wrote and will deposit: a patch, the content of a Git LFS file, or the list `diffs.json`. */
export interface DiffDeposit {
  readonly name: string;
  readonly path: string;
  readonly type: ArtifactType;
  readonly contentType: string;
  /** `exact` if the name of the content contains its digest, because masking would change the digest. */
  readonly use: ContentUse;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface DiffEvidence {
  /** Patches (`diff.diff`, `diffs/<path>.diff`), contents of Git LFS files, and `diffs.json` as the last. */
  readonly deposits: readonly DiffDeposit[];
  /** One line for each change that is certainly or possibly missing in the deposits. */
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

/** One entry of `diffs.json`: the diff of one repository. Null means no change, or that a change could not be determined. */
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
 * Collects the patches of a job, one for each repository, within the limits. `where` is the path of a repository
 * relative to the root of the diff (see `JobDiff`), as a latin1 string of its bytes.
 */
export class WrittenDiffs {
  readonly #scratch: string;
  readonly #limits: DiffLimits;
  readonly #mask: SecretMask | undefined;
  readonly #deposits: DiffDeposit[] = [];
  readonly #listed: ListedDiff[] = [];
  readonly #leftOut = new Set<string>();
  readonly #lost: string[] = [];
  readonly #room: { diffBytes: number; contentBytes: number; contents: number };

  /** `mask` masks the content of `diffs.json`. The patches are masked later, when they are deposited. */
  constructor(scratch: string, limits: DiffLimits, mask?: SecretMask) {
    this.#scratch = scratch;
    this.#limits = limits;
    this.#mask = mask;
    const { maxAllDiffsBytes: diffBytes, maxContentBytes: contentBytes, maxContents: contents } = limits;
    this.#room = { diffBytes, contentBytes, contents };
  }

  leaveOut(...lines: readonly string[]): void {
    for (const line of lines) this.#leftOut.add(line);
  }

  /** Records that the repository at `where` has no patch, with the reason. */
  refuse(where: string, reason: string): void {
    const bytes = Buffer.from(where, 'latin1');
    const line = `${diffNameOf(bytes)} was not deposited: ${reason}${hint}`;
    this.#listed.push({ ...nothingKnown, path: pathOf(bytes), leftOut: [line] });
    this.leaveOut(line);
  }

  /** Writes the patch of the repository at `where`. Throws only if the signal of `git` is aborted. */
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
      if (isOutOfSpace(error) || error instanceof MaskFailure)
        this.#lost.push(`${diffNameOf(bytes)} was not deposited: ${messageOf(error)}`);
      else this.refuse(where, tooLarge ? `it is larger than ${maxBytes / MiB} MiB` : messageOf(error));
    }
  }

  /** Writes `diffs.json`, the list of all patches, and returns all deposits. */
  async finish(): Promise<DiffEvidence> {
    const leftOut = this.#bounded([...this.#leftOut]);
    if (this.#deposits.length > 0 || leftOut.length > 0) {
      const file = path.join(this.#scratch, listName);
      const diffs = this.#listed.map((entry) => ({ ...entry, leftOut: this.#bounded(entry.leftOut) }));
      const content = { version: 1, diffs, leftOut };
      const list = `${JSON.stringify(this.#mask?.json(content) ?? content, null, 2)}\n`;
      try {
        await writeFile(file, list, { mode: 0o600 });
        const metadata = leftOutOf(leftOut);
        const about = { name: listName, type: 'other', contentType: 'application/json' } as const;
        this.#deposits.push({ ...about, path: file, use: 'text', metadata });
      } catch (error) {
        this.#lost.push(`${listName} was not deposited: ${messageOf(error)}`);
      }
    }
    return { deposits: this.#deposits, leftOut, lost: this.#lost };
  }

  /**
   * Inserts a patch into the list of deposits at the index `at`. The contents of Git LFS files that belong to the patch
   * follow it.
   */
  async #addPatch(
    { signal }: Git,
    { where, patch, at }: { where: Buffer; patch: string; at: number },
    entry: ListedDiff,
  ): Promise<ListedDiff> {
    const { sizeBytes, digest } = await this.#measured(patch, signal);
    this.#room.diffBytes -= sizeBytes;
    const artifact = diffNameOf(where);
    const { path: shown, base, head, baseTree, headTree } = entry;
    const shownPath = Buffer.byteLength(shown) <= 500 ? { path: shown } : {};
    const metadata = { ...shownPath, base, head, baseTree, headTree, ...leftOutOf(entry.leftOut) };
    const about = { name: artifact, type: 'diff', contentType: 'text/x-diff' } as const;
    this.#deposits.splice(at, 0, { ...about, path: patch, use: 'text', metadata });
    return { ...entry, artifact, sizeBytes, digest };
  }

  /** Returns the size and the digest that a patch will have when it is deposited. */
  async #measured(
    patch: string,
    signal: AbortSignal,
  ): Promise<{ readonly sizeBytes: number; readonly digest: string }> {
    const file = await EvidenceFile.open(patch, { noFollow: true });
    const options = { mask: this.#mask, allowBinary: false, scratch: this.#scratch, signal };
    try {
      return await maskContent({ read: () => file.read() }, 'text', options);
    } finally {
      await file.close();
    }
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

  /**
   * Adds the content of a Git LFS file. A content that was already added is not added again. Returns the reason if the
   * content was not added, else undefined.
   */
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
    const metadata = { path: shown.slice(0, 1000) };
    this.#deposits.push({ name, path: to, type: 'other', contentType, use: 'exact', metadata });
    return undefined;
  }

  #bounded(lines: readonly string[]): string[] {
    const { maxLines } = this.#limits;
    if (lines.length <= maxLines) return [...lines];
    return [...lines.slice(0, maxLines), `and ${lines.length - maxLines} more things are not in the diff`];
  }
}

/** Returns metadata with as many of the lines as fit, and with the total number of lines. */
function leftOutOf(lines: readonly string[]): Record<string, unknown> {
  if (lines.length === 0) return {};
  let room = maxMetadataLineBytes;
  const leftOut = lines.filter((line) => (room -= Buffer.byteLength(JSON.stringify(line)) + 1) >= 0);
  return { leftOut, leftOutCount: lines.length };
}

/** Returns the path as text if it is UTF-8, else quoted and with escapes. */
function pathOf(name: Buffer): string {
  const text = name.toString();
  return Buffer.from(text).equals(name) ? text : shownName(name);
}
