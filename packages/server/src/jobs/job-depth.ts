/** How many unfinished jobs of a type are in a state: `ready` and `delayed` are both queued. */
export interface JobDepth {
  readonly type: string;
  readonly state: 'ready' | 'delayed' | 'running';
  readonly count: number;
}
