// A vitest reporter whose last line is for people and scripts: `N passed, N failed, N skipped`. A test file that
// crashed counts as failed. So does an error outside of any test. A run of many files also lists the slowest files
// before that line.
import path from 'node:path';
import process from 'node:process';
import type { Reporter, TestModule } from 'vitest/node';

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The part of the result of a test file that is needed for counting. */
export interface CountedModule {
  readonly states: readonly ('passed' | 'failed' | 'skipped' | 'pending')[];
  readonly errorsOutsideTests: number;
  readonly failed: boolean;
}

export function totals(modules: readonly CountedModule[], unhandledErrors: number): Totals {
  const states = modules.flatMap((module) => module.states);
  const count = (state: string): number => states.filter((each) => each === state).length;
  const crashed = modules.reduce((sum, module) => sum + crashes(module), 0);
  return {
    passed: count('passed'),
    failed: count('failed') + count('pending') + crashed + unhandledErrors,
    skipped: count('skipped'),
  };
}

function crashes(module: CountedModule): number {
  if (module.errorsOutsideTests > 0) return module.errorsOutsideTests;
  return module.failed && !module.states.some((state) => state === 'failed' || state === 'pending') ? 1 : 0;
}

function counted(module: TestModule): CountedModule {
  const suites = [...module.children.allSuites()];
  return {
    states: [...module.children.allTests()].map((test) => test.result().state),
    errorsOutsideTests: [module, ...suites].reduce((sum, each) => sum + each.errors().length, 0),
    failed: module.state() === 'failed' || module.state() === 'pending' || module.state() === 'queued',
  };
}

export interface TimedFile {
  readonly file: string;
  readonly ms: number;
}

const listedFiles = 10;

/** Returns one line for each of the ten slowest files. Returns an empty text if fewer than 20 files ran. */
export function slowestFiles(files: readonly TimedFile[]): string {
  if (files.length < 2 * listedFiles) return '';
  const slowest = files.toSorted((left, right) => right.ms - left.ms).slice(0, listedFiles);
  const lines = slowest.map(({ file, ms }) => `${(ms / 1000).toFixed(1).padStart(8)} s  ${file}`);
  return ['Slowest files:', ...lines, ''].join('\n');
}

function timed(module: TestModule): TimedFile {
  const { collectDuration, setupDuration, duration } = module.diagnostic();
  return { file: path.relative(process.cwd(), module.moduleId), ms: collectDuration + setupDuration + duration };
}

export default class SummaryReporter implements Reporter {
  #totals: Totals | undefined;
  #slowest = '';

  /**
   * Writes the summary line when the process exits, because other reporters and the teardown still print after the last
   * test.
   */
  onInit(): void {
    process.once('exit', (code) => this.#close(code));
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    this.#totals = totals(modules.map(counted), unhandledErrors.length);
    this.#slowest = slowestFiles(modules.map(timed));
  }

  #close(code: number): void {
    // A run that did not finish or that found no tests counts as one failure.
    const { passed, failed, skipped } = this.#totals ?? { passed: 0, failed: 1, skipped: 0 };
    const failures = failed === 0 && code !== 0 ? 1 : failed;
    if (failures > 0 && code === 0) process.exitCode = 1;
    process.stdout.write(`${this.#slowest}${passed} passed, ${failures} failed, ${skipped} skipped\n`);
  }
}
