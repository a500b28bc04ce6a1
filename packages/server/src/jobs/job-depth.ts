/**
 * The number of unfinished jobs of one type in one state. Jobs in the states `ready` (claimable) and `delayed` both
 * have the status `queued`.
 */
export interface JobDepth {
  readonly type: string;
  readonly state: 'ready' | 'delayed' | 'running';
  readonly count: number;
}
