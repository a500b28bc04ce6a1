const MiB = 1024 * 1024;

/** Limits of the diffs of one job. Anything over a limit is left out, and a warning says so. */
export interface DiffLimits {
  /** Largest size of one patch. */
  readonly maxDiffBytes: number;
  /** Largest total size of all patches. */
  readonly maxAllDiffsBytes: number;
  /** Largest total size of all contents of Git LFS. */
  readonly maxContentBytes: number;
  readonly maxContents: number;
  readonly maxRepositories: number;
  /** Largest depth of repositories inside repositories. */
  readonly maxNesting: number;
  /** Largest number of folders searched for repositories when the command's folder is in none. */
  readonly maxSearchedFolders: number;
  readonly maxSearchDepth: number;
  /** Largest number of lines that name left-out items. */
  readonly maxLines: number;
}

export const diffLimits: DiffLimits = {
  maxDiffBytes: 64 * MiB,
  maxAllDiffsBytes: 256 * MiB,
  maxContentBytes: 256 * MiB,
  maxContents: 200,
  maxRepositories: 50,
  maxNesting: 5,
  maxSearchedFolders: 5000,
  maxSearchDepth: 5,
  maxLines: 200,
};
