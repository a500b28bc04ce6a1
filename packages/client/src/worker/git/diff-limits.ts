const MiB = 1024 * 1024;

/** Limits of the diffs of one job. What lies beyond one is left out, and said. */
export interface DiffLimits {
  /** Of one patch. */
  readonly maxDiffBytes: number;
  /** Of all patches together. */
  readonly maxAllDiffsBytes: number;
  /** Of all contents of Git LFS together. */
  readonly maxContentBytes: number;
  readonly maxContents: number;
  readonly maxRepositories: number;
  /** Of repositories in one another. */
  readonly maxNesting: number;
  /** Of the search for repositories in a folder that is in none. */
  readonly maxSearchedFolders: number;
  readonly maxSearchDepth: number;
  /** Of lines about what is left out. */
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
