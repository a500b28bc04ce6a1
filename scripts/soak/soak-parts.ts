// The parts of `npm run soak`, in the order in which they run. A new long check needs one new row.

export interface SoakPart {
  /** Name of the part for `--only`. It is also the heading in docs/soak.md. */
  readonly name: string;
  /** The purpose of the part, in one sentence. */
  readonly about: string;
  /**
   * Command that runs in the root of the repository. `node` means the running version of Node. Exit code 0 means
   * success.
   */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Environment variables for `--small`. It runs the same check in seconds, to test the check itself. */
  readonly small: Readonly<Record<string, string>>;
}

const vitest = ['node', 'node_modules/vitest/vitest.mjs', 'run'];

/** The output of a part after a line `RESULT` is copied to docs/soak.md. */
export const soakParts: readonly SoakPart[] = [
  {
    name: 'fleet',
    about:
      '64 claimers on two servers on one Postgres, one of which is killed midway: every job ends exactly once, none is lost, ' +
      'none is claimed again within a valid lease.',
    command: [...vitest, '--project', 'server', 'packages/server/test/queue-fleet.test.ts'],
    env: { FLEET_JOBS: '10000' },
    small: { FLEET_JOBS: '200' },
  },
  {
    name: 'clock-faults',
    about:
      'Twelve workers on three servers whose clocks are wrong by 1.5 s, run fast and slow and step by up to an hour, on one Postgres whose ' +
      'clock is set forward in the second half: no job is given to another within a valid lease, no acknowledged end is lost, no attempt is used up by a clock.',
    command: [...vitest, '--project', 'long', 'packages/server/test/clock-faults.long.test.ts'],
    env: { CLOCK_SECONDS: '180' },
    small: { CLOCK_SECONDS: '8' },
  },
  {
    name: 'kills-during-uploads',
    about:
      'The server is killed with -9 at random moments while eight clients upload, and started again on the same folder.',
    command: ['node', 'scripts/chaos/kill-during-uploads.ts'],
    env: { CHAOS_ROUNDS: '200' },
    small: { CHAOS_ROUNDS: '3' },
  },
  {
    name: 'properties',
    about:
      'Every property test with many times its usual runs and fresh seeds; a property that takes longer than 100 s ends there.',
    command: [...vitest, '--config', 'scripts/soak/properties.vitest.ts'],
    env: { FAST_CHECK_FACTOR: '50' },
    small: { FAST_CHECK_FACTOR: '1' },
  },
  {
    name: 'fuzz',
    about:
      'Every parser of ours that sees foreign text, bred against by a coverage-guided fuzzer (docs/fuzzing.md), from the corpus ' +
      'in the repository.',
    command: ['node', 'fuzz/run-fuzz.ts'],
    env: { FUZZ_SECONDS: '600' },
    small: { FUZZ_SECONDS: '20' },
  },
  {
    name: 'hostile-worker',
    about:
      'One worker credential tries to stop the server: 600 searches of a large log at once, 1,000 downloads that it does not read, ' +
      '1,500 streams on one job, 300 unread lists of large jobs. Health must answer within 50 ms at the 99th percentile, and memory stay bounded.',
    command: ['node', 'scripts/soak/hostile-worker.ts'],
    env: { HOSTILE_SCALE: '1' },
    small: { HOSTILE_SCALE: '0.1' },
  },
  {
    name: 'million-rows',
    about:
      'Claims, lists and `why` on an empty queue and on one with a million other jobs, half of them ready for nobody and half ' +
      'finished; and whether any statement scans the table or sorts a backlog. Timings are reported, not judged.',
    command: ['node', 'scripts/soak/million-rows.ts'],
    env: { SOAK_ROWS: '1000000' },
    small: { SOAK_ROWS: '20000' },
  },
  {
    name: 'mixed-load',
    about:
      'Workers, producers, readers, streams and clients that leave half way, on one server; its memory and descriptors before, ' +
      'during and after.',
    command: ['node', 'scripts/soak/mixed-load.ts'],
    env: { SOAK_SECONDS: '1200' },
    small: { SOAK_SECONDS: '10' },
  },
  {
    name: 'local-user',
    about: 'Another user of the same machine beside a running server: what it can read, change, lock or plant.',
    command: ['node', 'scripts/soak/local-user.ts'],
    env: {},
    small: {},
  },
  {
    name: 'hostile-server',
    about:
      'The command and its worker against a server that answers with endless and compressed bodies, redirects, more jobs than ' +
      'were asked for, wrong types, control characters and silence.',
    command: ['node', 'scripts/soak/hostile-server.ts'],
    env: { SOAK_SECONDS: '1200' },
    small: { SOAK_SECONDS: '10' },
  },
  {
    name: 'early-refusals',
    about:
      "Uploads refused before or while their bodies are read, by Node's fetch over kept connections (whole, as a stream, with a " +
      'late body) and by pipelining clients: each gets its answer and none a broken connection.',
    command: ['node', 'scripts/chaos/refuse-uploads-early.ts'],
    env: { REFUSALS: '100000' },
    small: { REFUSALS: '1000' },
  },
];
