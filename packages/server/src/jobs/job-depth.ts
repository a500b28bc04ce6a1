/**
 * The number of unfinished jobs of one type in one state. The states `ready` (claimable) and `delayed` divide the jobs
 * with the status `queued`.
 */
export interface JobDepth {
  readonly type: string;
  readonly state: 'ready' | 'delayed' | 'running';
  readonly count: number;
}
