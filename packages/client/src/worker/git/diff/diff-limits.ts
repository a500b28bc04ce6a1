const MiB = 1024 * 1024;

/** Limits of the diffs of one job. A patch, content or repository above a limit is omitted, with a warning. */
export interface DiffLimits {
  /** Largest size of one patch in bytes. */
  readonly maxDiffBytes: number;
  /** Largest total size of all patches in bytes. */
  readonly maxAllDiffsBytes: number;
  /** Largest total size in bytes of the contents of Git LFS files that are deposited. */
  readonly maxContentBytes: number;
  readonly maxContents: number;
  readonly maxRepositories: number;
  /** Largest depth of repositories inside repositories. */
  readonly maxNesting: number;
  /** Largest number of folders in which repositories are searched, if the folder of the command is in no repository. */
  readonly maxSearchedFolders: number;
  readonly maxSearchDepth: number;
  /** Largest number of lines about omitted items. */
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
