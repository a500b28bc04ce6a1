// Ends a test run with one line for people and scripts: `N passed, N failed, N skipped`. A file that crashed and an
// error outside any test count as failed.
import process from 'node:process';
import type { Reporter, TestModule } from 'vitest/node';

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The part of vitest's TestModule that is needed for counting. */
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

export default class SummaryReporter implements Reporter {
  #totals: Totals | undefined;

  /**
   * The line is written when the process exits, because teardown and other reporters still print after the last test.
   */
  onInit(): void {
    process.once('exit', (code) => this.#close(code));
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    this.#totals = totals(modules.map(counted), unhandledErrors.length);
  }

  #close(code: number): void {
    // A run that did not finish, or that found no tests, counts as one failure.
    const { passed, failed, skipped } = this.#totals ?? { passed: 0, failed: 1, skipped: 0 };
    const failures = failed === 0 && code !== 0 ? 1 : failed;
    if (failures > 0 && code === 0) process.exitCode = 1;
    process.stdout.write(`${passed} passed, ${failures} failed, ${skipped} skipped\n`);
  }
}
